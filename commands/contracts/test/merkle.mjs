// SPDX-License-Identifier: MIT OR Apache-2.0
//
// A ledger as RFC 6962 hashes it, of any size: the leaves that matter are given,
// all others are alike, so subtrees of one size are one hash.
import { createHash } from 'node:crypto'

export const sha256 = (...parts) =>
  parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest()

export const leafHash = (leaf) => sha256(Buffer.of(0), leaf)
const nodeHash = (left, right) => sha256(Buffer.of(1), left, right)

/// The largest power of two smaller than the size.
const split = (size) => 2 ** Math.ceil(Math.log2(size) - 1)

export class Ledger {
  #marked
  #alike = new Map([[1, leafHash(Buffer.from('an event that is not looked at'))]])

  /// Takes the hashes of leaves by their numbers.
  constructor(marked) {
    this.#marked = new Map(marked)
  }

  root(size) {
    return this.#hash(0, size)
  }

  inclusion(index, size, start = 0) {
    if (size === 1) return []
    const k = split(size)
    return index < k
      ? [...this.inclusion(index, k, start), this.#hash(start + k, size - k)]
      : [...this.inclusion(index - k, size - k, start + k), this.#hash(start, k)]
  }

  consistency(oldSize, newSize, start = 0, whole = true) {
    if (oldSize === newSize) return whole ? [] : [this.#hash(start, newSize)]
    const k = split(newSize)
    return oldSize <= k
      ? [...this.consistency(oldSize, k, start, whole), this.#hash(start + k, newSize - k)]
      : [...this.consistency(oldSize - k, newSize - k, start + k, false), this.#hash(start, k)]
  }

  #hash(start, size) {
    const isMarked = [...this.#marked.keys()].some((at) => at >= start && at < start + size)
    if (!isMarked) return this.#unmarked(size)
    if (size === 1) return this.#marked.get(start)
    const k = split(size)
    return nodeHash(this.#hash(start, k), this.#hash(start + k, size - k))
  }

  #unmarked(size) {
    if (!this.#alike.has(size)) {
      const k = split(size)
      this.#alike.set(size, nodeHash(this.#unmarked(k), this.#unmarked(size - k)))
    }
    return this.#alike.get(size)
  }
}
