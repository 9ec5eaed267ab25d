#!/usr/bin/env node
// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Deploys the committed artefact on a real node and measures it. The forge
// tests compile the sources themselves and know no blocks or transaction fees;
// this checks the bytes that will be deployed, the way the platform sends them.
//
//   node test/anvil.mjs [hardfork]        hardfork: cancun if not given
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const hardfork = process.argv[2] ?? 'cancun'
const artefact = JSON.parse(readFileSync(join(root, 'CaskNft.json'), 'utf8'))
const tool = (name) => join(root, 'node_modules', '@foundry-rs', name, 'bin.mjs')
const cast = (...args) =>
  execFileSync(process.execPath, [tool('cast'), ...args], { encoding: 'utf8' }).trim()

/// The signature as the artefact states it, so a changed ABI breaks this check.
function signature(name) {
  const entry = artefact.abi.find((item) => item.name === name)
  assert(entry, `${name} is not in the ABI`)
  return `${name}(${entry.inputs.map((input) => input.type).join(',')})`
}
const encode = (name, ...args) => cast('calldata', signature(name), ...args)

// If forge has built, its code must be the artefact's: only then do the forge
// tests say something about what is deployed.
const forgeOutput = join(root, '.forge', 'out', 'CaskNft.sol', 'CaskNft.json')
if (existsSync(forgeOutput)) {
  const forge = JSON.parse(readFileSync(forgeOutput, 'utf8'))
  assert.equal(forge.bytecode.object, artefact.bytecode, 'forge tested other code')
  console.log('forge tested exactly the code of the artefact')
} else {
  console.log('forge has not built yet, so its code was not compared')
}

// Port 0 lets the system choose a free one. 30 million is the smallest block
// of the networks we deploy to.
const options = ['--port', '0', '--hardfork', hardfork, '--gas-limit', '30000000']
const anvil = spawn(process.execPath, [tool('anvil'), ...options])
try {
  await run(await listening())
} finally {
  anvil.kill('SIGTERM')
}

function listening() {
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

async function run(address) {
  let id = 0
  async function rpc(method, ...params) {
    const body = JSON.stringify({ jsonrpc: '2.0', id: ++id, method, params })
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(`http://${address}`, { method: 'POST', headers, body })
    return response.json()
  }
  async function ask(method, ...params) {
    const { result, error } = await rpc(method, ...params)
    if (error) throw new Error(`${method}: ${error.message}`)
    return result
  }
  // Gas is given, because with an estimate a failing call is never sent and we
  // want to see the failed transaction in a block.
  async function send(transaction) {
    const hash = await ask('eth_sendTransaction', { gas: '0x7a1200', ...transaction })
    // The node answers before the block is made, so the receipt can be late.
    for (let tries = 0; tries < 200; tries++) {
      const receipt = await ask('eth_getTransactionReceipt', hash)
      if (receipt) return receipt
      await new Promise((resolve) => setTimeout(resolve, 25))
    }
    throw new Error(`no receipt for ${hash}`)
  }
  const gas = (receipt) => Number(receipt.gasUsed)
  // What a transaction pays before its first instruction (EIP-2028).
  const intrinsic = (data) =>
    Buffer.from(data.slice(2), 'hex').reduce((sum, byte) => sum + (byte === 0 ? 4 : 16), 21000)

  const [admin, minter, holder, buyer, custodian] = await ask('eth_accounts')

  // Deployment
  const constructor = artefact.abi.find((item) => item.type === 'constructor')
  const types = constructor.inputs.map((input) => input.type).join(',')
  const args = cast('abi-encode', `constructor(${types})`, 'CaskChain Cask', 'CASK', admin)
  const deployed = await send({ from: admin, data: artefact.bytecode + args.slice(2) })
  assert.equal(deployed.status, '0x1')
  const to = deployed.contractAddress
  const code = await ask('eth_getCode', to, 'latest')
  assert.equal(code, artefact.deployedBytecode, 'the chain holds the code of the artefact')
  console.log(`hard fork               ${hardfork}`)
  console.log(`deployed size           ${code.length / 2 - 1} bytes (limit 24576)`)
  console.log(`deployment              ${gas(deployed)} gas`)

  for (const [role, account] of [['MINTER_ROLE', minter], ['CUSTODIAN_ROLE', custodian]]) {
    const value = cast('keccak', role)
    const grant = await send({ from: admin, to, data: encode('grantRole', value, account) })
    assert.equal(grant.status, '0x1')
  }

  // First mint
  const call = (name, ...rest) =>
    ask('eth_call', { to, data: encode(name, ...rest) }, 'latest')
  const tokenId = '7212345678901234567'
  const digest = '0x' + createHash('sha256').update('{}').digest('hex')
  const other = '0x' + '11'.repeat(32)
  const mintData = encode('mint', holder, tokenId, digest)
  const minted = await send({ from: minter, to, data: mintData })
  assert.equal(minted.status, '0x1')
  assert.equal(minted.logs.length, 3)
  assert.equal(minted.logs[1].topics[0], cast('keccak', 'CaskMinted(uint256,address,bytes32)'))
  assert.equal(BigInt(minted.logs[1].topics[1]), BigInt(tokenId))
  assert.equal(minted.logs[1].data, digest)
  const execution = gas(minted) - intrinsic(mintData)
  console.log(`mint, new holder        ${gas(minted)} gas, of which ${execution} execution`)

  assert.equal(BigInt(await call('ownerOf', tokenId)), BigInt(holder))
  assert.equal(await call('digestOf', tokenId), digest)
  const uri = cast('abi-decode', 'f()(string)', await call('tokenURI', tokenId))
  assert.equal(uri, `"ipfs://f01551220${digest.slice(2)}"`)
  console.log(`tokenURI                ${uri}`)

  const nextData = encode('mint', holder, '7212345678901234568', digest)
  const next = await send({ from: minter, to, data: nextData })
  assert.equal(next.status, '0x1')
  const nextExecution = gas(next) - intrinsic(nextData)
  console.log(`mint, same holder       ${gas(next)} gas, of which ${nextExecution} execution`)

  // Second mint of the same cask: in a block it fails, in a call it says why.
  const again = await send({ from: minter, to, data: encode('mint', buyer, tokenId, other) })
  assert.equal(again.status, '0x0')
  const { error } = await rpc(
    'eth_call', { from: minter, to, data: encode('mint', buyer, tokenId, other) }, 'latest')
  const expected =
    cast('sig', 'AlreadyMinted(uint256,bytes32)') +
    BigInt(tokenId).toString(16).padStart(64, '0') + digest.slice(2)
  assert.equal(error.data, expected)
  console.log(`second mint             fails, ${gas(again)} gas; error data ${error.data.slice(0, 10)}…`)

  // Transfer, lock, redemption
  const move = await send({ from: holder, to, data: encode('transferFrom', holder, buyer, tokenId) })
  assert.equal(move.status, '0x1')
  console.log(`transfer                ${gas(move)} gas`)
  const lock = await send({ from: custodian, to, data: encode('lock', tokenId) })
  assert.equal(lock.status, '0x1')
  const stuck = await send({ from: buyer, to, data: encode('transferFrom', buyer, holder, tokenId) })
  assert.equal(stuck.status, '0x0')
  const redeem = await send({ from: custodian, to, data: encode('redeem', tokenId) })
  assert.equal(redeem.status, '0x1')
  console.log(`lock, redeem            ${gas(lock)}, ${gas(redeem)} gas`)
  const dead = await send({ from: minter, to, data: mintData })
  assert.equal(dead.status, '0x0')
  assert.equal(await call('digestOf', tokenId), digest)
  console.log('a redeemed id cannot be minted again')
}
