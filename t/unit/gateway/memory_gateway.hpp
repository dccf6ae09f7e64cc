// A gateway's schema and sessions over memory, for the tests of gateway/.
#pragma once

#include <doctest/doctest.h>

#include <memory>

#include "sql/catalog.hpp"
#include "sql/session.hpp"
#include "unit/sql/memory_kv.hpp"
#include "unit/sql/memory_meta.hpp"

namespace ddb::test {

struct MemoryGateway {
  MemoryGateway() {
    sql::CatalogOptions options;
    options.gateway = "test";
    options.now = [this] { return meta.now(); };
    options.sleep = [this](Duration time) { meta.advance(time); };
    auto opened = sql::Catalog::open(meta, kv, options);
    REQUIRE(opened);
    catalog = *std::move(opened);
  }

  std::unique_ptr<sql::Session> session(const sql::SessionOptions& options = {}) {
    auto opened = sql::Session::open(kv, *catalog, options);
    REQUIRE(opened);
    return *std::move(opened);
  }

  MemoryMeta meta;
  MemoryKv kv;
  std::unique_ptr<sql::Catalog> catalog;
};

}  // namespace ddb::test
