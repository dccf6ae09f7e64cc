#include "sql/catalog.hpp"

#include <atomic>
#include <utility>

#include "base/assert.hpp"
#include "sql/gateway_schema.hpp"
#include "sql/schema_change.hpp"

namespace ddb::sql {

struct Catalog::Impl {
  Impl(env::Meta& meta, env::Kv& kv, CatalogOptions with)
      : options{std::move(with)},
        gateway{meta, options},
        row_ids{meta, static_cast<uint64_t>(options.now().time_since_epoch().count())},
        changer{kv, gateway, row_ids, options} {}

  CatalogOptions options;
  GatewaySchema gateway;
  RowIds row_ids;
  SchemaChanger changer;
  std::atomic<bool> ticking = false;
};

SchemaPin::SchemaPin(SchemaPin&& other) noexcept
    : schema_{std::move(other.schema_)}, catalog_{std::exchange(other.catalog_, nullptr)}, id_{other.id_} {}
SchemaPin& SchemaPin::operator=(SchemaPin&& other) noexcept {
  std::swap(schema_, other.schema_);
  std::swap(catalog_, other.catalog_);
  std::swap(id_, other.id_);
  return *this;
}
SchemaPin::~SchemaPin() { release(); }

Result<void> SchemaPin::enter_commit() {
  DDB_ASSERT(catalog_ != nullptr);
  return catalog_->impl_->gateway.enter_commit(id_);
}

void SchemaPin::release() {
  if (catalog_ != nullptr) catalog_->impl_->gateway.release(id_);
  catalog_ = nullptr;
  schema_.reset();
}

Catalog::Catalog(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}
Catalog::~Catalog() {
  impl_->row_ids.give_back();
  impl_->gateway.leave();
}

Result<std::unique_ptr<Catalog>> Catalog::open(env::Meta& meta, env::Kv& kv, CatalogOptions options) {
  DDB_ASSERT(options.now && options.sleep);
  auto impl = std::make_unique<Impl>(meta, kv, std::move(options));
  if (auto done = impl->gateway.ensure_lease(); !done) return std::unexpected(done.error());
  return std::unique_ptr<Catalog>{new Catalog{std::move(impl)}};
}

Result<SchemaPin> Catalog::pin() {
  auto pinned = impl_->gateway.pin();
  if (!pinned) return std::unexpected(pinned.error());
  SchemaPin pin;
  pin.schema_ = std::move(pinned->schema);
  pin.catalog_ = this;
  pin.id_ = pinned->id;
  return pin;
}

std::shared_ptr<const Schema> Catalog::schema() const { return impl_->gateway.schema(); }
Result<void> Catalog::execute(std::string_view ddl) { return impl_->changer.execute(ddl); }
RowIds& Catalog::row_ids() { return impl_->row_ids; }

Result<int64_t> Catalog::number(std::string_view name) { return impl_->gateway.store().number(name); }
Result<void> Catalog::set_number(std::string_view name, int64_t value) {
  return impl_->gateway.store().set_number(name, value);
}

Result<void> Catalog::with_shadow(const std::function<Result<void>(sqlite3*)>& use) {
  return impl_->changer.with_shadow(use);
}

void Catalog::look_soon() { impl_->gateway.look_soon(); }

Result<void> Catalog::tick() {
  if (impl_->ticking.exchange(true)) return {};
  auto done = impl_->gateway.tick();
  impl_->ticking = false;
  return done;
}

}  // namespace ddb::sql
