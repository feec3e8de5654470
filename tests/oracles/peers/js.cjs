// sigstore-js's verdicts: a question a line on standard input, an answer a line on standard output, as in python.py.
// NODE_MODULES_OF names the folder whose node_modules has the packages.
'use strict';

const crypto = require('node:crypto');
const path = require('node:path');
const readline = require('node:readline');
const { createRequire } = require('node:module');

const load = createRequire(path.join(path.resolve(process.env.NODE_MODULES_OF), 'package.json'));
const { bundleFromJSON } = load('@sigstore/bundle');
const { TrustedRoot } = load('@sigstore/protobuf-specs');
const { Verifier, toSignedEntity, toTrustMaterial } = load('@sigstore/verify');

function judge(question) {
  const [root, bundleJson, artifact] = ['root', 'bundle', 'artifact'].map((name) => Buffer.from(question[name], 'base64'));
  const material = toTrustMaterial(TrustedRoot.fromJSON(JSON.parse(root.toString())));
  const bundle = bundleFromJSON(JSON.parse(bundleJson.toString()));
  const isMessage = bundle.content.$case === 'messageSignature';
  const exactly = new RegExp(`^${question.identity.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')}$`);
  new Verifier(material).verify(toSignedEntity(bundle, isMessage ? artifact : undefined), {
    subjectAlternativeName: exactly,
    extensions: { issuer: question.issuer },
  });
  if (!isMessage) {
    const digest = crypto.createHash('sha256').update(artifact).digest('hex');
    const statement = JSON.parse(bundle.content.dsseEnvelope.payload);
    if (!statement.subject.some((subject) => subject.digest.sha256 === digest)) {
      throw new Error('no subject is the artifact');
    }
  }
}

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  let answer = 'accept';
  try {
    judge(JSON.parse(line));
  } catch (error) {
    answer = `refuse ${error.code ?? error.name} ${error.message}`;
  }
  console.log(answer.replace(/\s+/g, ' ').slice(0, 300));
});
