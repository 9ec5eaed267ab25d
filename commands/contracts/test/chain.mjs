// SPDX-License-Identifier: MIT OR Apache-2.0
//
// A local node with our contract on it, spoken to as the platform does.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = join(dirname(fileURLToPath(import.meta.url)), '..')
export const artefact = JSON.parse(readFileSync(join(root, 'CaskNft.json'), 'utf8'))

const tool = (name) => join(root, 'node_modules', '@foundry-rs', name, 'bin.mjs')

export const cast = (...args) =>
  execFileSync(process.execPath, [tool('cast'), ...args], { encoding: 'utf8' }).trim()

/// What a transaction pays before its first instruction (EIP-2028).
export const intrinsic = (data) =>
  Buffer.from(data.slice(2), 'hex').reduce((sum, byte) => sum + (byte === 0 ? 4 : 16), 21000)

/// Runs `work` with a chain of the given hard fork, and ends the node whatever happens.
export async function withChain(hardfork, work) {
  // Port 0 lets the system choose a free one. 30 million is the smallest block
  // of the networks we deploy to.
  const options = ['--port', '0', '--hardfork', hardfork, '--gas-limit', '30000000']
  const anvil = spawn(process.execPath, [tool('anvil'), ...options])
  try {
    await work(new Chain(await listening(anvil)))
  } finally {
    anvil.kill('SIGTERM')
  }
}

function listening(anvil) {
  return new Promise((resolve, reject) => {
    let text = ''
    anvil.stdout.on('data', (chunk) => {
      text += chunk
      const match = /Listening on (\S+)/.exec(text)
      if (match) resolve(match[1])
    })
    anvil.on('exit', (code) => reject(new Error(`anvil ended with ${code}`)))
  })
}

class Chain {
  #address
  #id = 0

  constructor(address) {
    this.#address = address
  }

  async rpc(method, ...params) {
    const body = JSON.stringify({ jsonrpc: '2.0', id: ++this.#id, method, params })
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(`http://${this.#address}`, { method: 'POST', headers, body })
    return response.json()
  }

  async ask(method, ...params) {
    const { result, error } = await this.rpc(method, ...params)
    if (error) throw new Error(`${method}: ${error.message}`)
    return result
  }

  /// Gas is given, because with an estimate a failing call is never sent and we
  /// want to see the failed transaction in a block.
  async send(transaction) {
    const hash = await this.ask('eth_sendTransaction', { gas: '0xe4e1c0', ...transaction })
    // The node answers before the block is made, so the receipt can be late.
    for (let tries = 0; tries < 200; tries++) {
      const receipt = await this.ask('eth_getTransactionReceipt', hash)
      if (receipt) return receipt
      await new Promise((resolve) => setTimeout(resolve, 25))
    }
    throw new Error(`no receipt for ${hash}`)
  }

  async deploy({ abi, bytecode }, from) {
    const types = abi.find((item) => item.type === 'constructor').inputs.map(typeOf).join()
    const args = cast('abi-encode', `constructor(${types})`, 'CaskChain Cask', 'CASK', from)
    const receipt = await this.send({ from, data: bytecode + args.slice(2) })
    assert.equal(receipt.status, '0x1')
    return { contract: new Contract(this, receipt.contractAddress, abi), receipt }
  }
}

class Contract {
  #chain
  #abi

  constructor(chain, address, abi) {
    this.#chain = chain
    this.address = address
    this.#abi = abi
  }

  /// The call data. The signature is as the artefact states it, so a changed ABI breaks the check.
  encode(name, ...args) {
    const entry = this.#abi.find((item) => item.type === 'function' && item.name === name)
    assert(entry, `${name} is not in the ABI`)
    return cast('calldata', `${name}(${entry.inputs.map(typeOf).join()})`, ...args)
  }

  /// A transaction that must succeed: its receipt, its gas, and the gas of its execution.
  async act(from, name, ...args) {
    const data = this.encode(name, ...args)
    const receipt = await this.#chain.send({ from, to: this.address, data })
    assert.equal(receipt.status, '0x1', `${name} failed`)
    const gas = Number(receipt.gasUsed)
    return { receipt, gas, execution: gas - intrinsic(data) }
  }

  /// A transaction that must fail in its block, with this error where it is asked beforehand.
  async fail(from, error, name, ...args) {
    const transaction = { from, to: this.address, data: this.encode(name, ...args) }
    const receipt = await this.#chain.send(transaction)
    assert.equal(receipt.status, '0x0', `${name} went through`)
    const answer = await this.#chain.rpc('eth_call', transaction, 'latest')
    assert.equal(answer.error.data.slice(0, 10), cast('sig', error), `${name}: another error`)
    return { gas: Number(receipt.gasUsed), data: answer.error.data }
  }

  async ask(name, ...args) {
    return this.#chain.ask('eth_call', { to: this.address, data: this.encode(name, ...args) }, 'latest')
  }

  async grant(admin, role, account) {
    await this.act(admin, 'grantRole', cast('keccak', role), account)
  }
}

/// The type as signatures have it: tuples are their fields.
function typeOf({ type, components }) {
  return type.startsWith('tuple') ? `(${components.map(typeOf).join()})${type.slice(5)}` : type
}
