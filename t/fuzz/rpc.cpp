// Requests of MessagePack-RPC clients, cut from a stream in pieces.
#include "fuzz/fuzz.hpp"
#include "gateway/rpc_message.hpp"

using namespace ddb;

namespace {

/// What a stream asks for, in words.
std::vector<Bytes> requests(BytesView stream, size_t piece) {
  gateway::RequestReader reader;
  std::vector<Bytes> out;
  while (!stream.empty()) {
    const size_t size = std::min(stream.size(), piece);
    reader.feed(stream.substr(0, size));
    stream.remove_prefix(size);
    for (;;) {
      const auto request = reader.next();
      if (!request) return out.emplace_back(to_string(request.error())), out;
      if (!*request) break;
      const auto& [id, call] = **request;
      out.push_back(std::to_string(id.value_or(0)) + " " + (call ? std::to_string(call->index()) : to_string(call.error())));
      const auto* execute = call ? std::get_if<gateway::ExecuteCall>(&*call) : nullptr;
      if (execute != nullptr) out.back() += " " + execute->sql + " " + std::to_string(execute->parameters.size());
    }
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const BytesView stream = fuzz::view(data, size);
  DDB_ASSERT(requests(stream, stream.size()) == requests(stream, 1));
  return 0;
}

std::vector<Bytes> fuzz::seeds() {
  const auto bytes = [](const auto& text) { return Bytes{text, sizeof text - 1}; };
  const Bytes execute = bytes("\x94\x00\x01\xa7" "execute\x92\xa8SELECT ?\x91\x07");
  return {execute,
          execute + bytes("\x94\x00\x02\xa4ping\x90"),
          bytes("\x94\x00\x03\xa6" "cancel\x91\x01"),
          bytes("\x94\x00\x04\xa6status\x90"),
          bytes("\x93\x02\xa6" "cancel\x91\x01"),
          bytes("\x94\x00\x05\xa7" "execute\x92\xaaSELECT :a1\x81\xa2:a\xcb\x3f\xe0\x00\x00\x00\x00\x00\x00"),
          bytes("\x94\x00\x06\xa7" "execute\x92\xa8SELECT ?\x93\xc0\xc4\x02\x00\xff\xd9\x03" "abc")};
}
