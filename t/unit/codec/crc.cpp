#include "codec/crc.hpp"

#include <doctest/doctest.h>

using ddb::codec::crc32c;

TEST_CASE("CRC32C of the check string (RFC 3720 appendix B.4 family)") {
  CHECK(crc32c("123456789") == 0xe3069283);
  CHECK(crc32c("6789", crc32c("12345")) == 0xe3069283);
}

TEST_CASE("CRC-64/XZ of the check string") {
  CHECK(ddb::codec::crc64("123456789") == 0x995dc9bbdf1939fa);
  CHECK(ddb::codec::crc64("6789", ddb::codec::crc64("12345")) == 0x995dc9bbdf1939fa);
}
