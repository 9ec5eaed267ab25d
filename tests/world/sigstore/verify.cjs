// Checks a C2SP tlog-proof with Sigstore's own verifier: node verify.cjs <vkey> <file>
const fs = require('node:fs');
const crypto = require('node:crypto');
const { verifyCheckpoint } = require('@sigstore/verify/dist/tlog/checkpoint.js');
const { verifyMerkleInclusion } = require('@sigstore/verify/dist/tlog/merkle.js');

const [vkey, file] = process.argv.slice(2);
const [name, , key] = vkey.match(/^([^+]+)\+([0-9a-f]{8})\+(.+)$/).slice(1);
const raw = Buffer.from(key, 'base64').subarray(1);
// RFC 8410: what stands before the 32 bytes of an Ed25519 key.
const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), raw]);
const log = {
  baseURL: name,
  logID: Buffer.from(vkey.split('+')[1], 'hex'),
  publicKey: crypto.createPublicKey({ key: spki, format: 'der', type: 'spki' }),
};

const text = fs.readFileSync(file, 'utf8');
const cut = text.indexOf('\n\n');
const [header, extra, index, ...hashes] = text.slice(0, cut).split('\n');
if (header !== 'c2sp.org/tlog-proof@v1') throw new Error('no tlog-proof');
const entry = {
  canonicalizedBody: Buffer.from(extra.replace(/^extra /, ''), 'base64'),
  inclusionProof: {
    logIndex: index.replace(/^index /, ''),
    hashes: hashes.map((hash) => Buffer.from(hash, 'base64')),
    checkpoint: { envelope: text.slice(cut + 2) },
  },
};
verifyMerkleInclusion(entry, verifyCheckpoint(entry, [log]));
console.log('verified');
