// Is each key one register, in real time? Herlihy and Wing, Linearizability (1990).
#pragma once

#include <span>
#include <vector>

#include "check/history.hpp"
#include "check/report.hpp"

namespace ddb::check {

/// An operation of one action at one key.
struct RegisterCall {
  uint32_t operation = 0;
  Moment begin = 0;
  Moment end = never;
  Action action;
  bool certain = true;  // it took place
};

/// Of one key, without those that failed, and without unknown reads; in order of their beginning.
using RegisterCalls = std::vector<RegisterCall>;

/// Where each written number is written once, in O(n log n). False: not such a history, nothing was decided.
/// `failed`: numbers that only failed operations would have written.
bool check_unique_register(const History& history, const RegisterCalls& calls, std::span<const RegisterCall> failed, Report& report);

/// Any history, by search: exact, but exponential in the number of operations at the same time at worst. It gives up
/// ("undecided") after `configurations_max`.
void search_register(const History& history, const RegisterCalls& calls, Report& report, uint64_t configurations_max);

/// Every key of a workload.
void check_registers(const History& history, std::span<const uint32_t> operations, Report& report);

}  // namespace ddb::check
