#include "raft/quorum.hpp"

#include <doctest/doctest.h>
