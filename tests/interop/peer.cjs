// sigstore-js as a command, for tests/interop/run:
//   node peer.cjs sign blob|dsse CLIENT_TRUST_CONFIG TOKEN FILE OUT
//   node peer.cjs verify TRUSTED_ROOT BUNDLE FILE IDENTITY ISSUER
// Signing services come from the signing config, as `sigstore sign` takes them. NODE_MODULES_OF names the
// folder whose node_modules has the packages.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { createRequire } = require('node:module');

const load = createRequire(path.join(path.resolve(process.env.NODE_MODULES_OF), 'package.json'));
const { bundleFromJSON, bundleToJSON } = load('@sigstore/bundle');
const { SigningConfig, TrustedRoot } = load('@sigstore/protobuf-specs');
const { bundleBuilderFromSigningConfig } = load('@sigstore/sign');
const { Verifier, toSignedEntity, toTrustMaterial } = load('@sigstore/verify');

const readJson = (file) => JSON.parse(fs.readFileSync(file, 'utf8'));

async function sign(kind, trustConfig, token, file, out) {
  const builder = bundleBuilderFromSigningConfig({
    signingConfig: SigningConfig.fromJSON(readJson(trustConfig).signingConfig),
    identityProvider: { getToken: async () => token },
    bundleType: kind === 'dsse' ? 'dsseEnvelope' : 'messageSignature',
    fetchOptions: { timeout: 5000, retry: false },
  });
  const data = fs.readFileSync(file);
  const bundle = await builder.create({ data, type: 'application/vnd.in-toto+json' });
  fs.writeFileSync(out, JSON.stringify(bundleToJSON(bundle)));
}

function verify(trustedRoot, bundleFile, file, identity, issuer) {
  const material = toTrustMaterial(TrustedRoot.fromJSON(readJson(trustedRoot)));
  const bundle = bundleFromJSON(readJson(bundleFile));
  const isMessage = bundle.content.$case === 'messageSignature';
  const entity = toSignedEntity(bundle, isMessage ? fs.readFileSync(file) : undefined);
  const exactly = new RegExp(`^${identity.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')}$`);
  new Verifier(material).verify(entity, {
    subjectAlternativeName: exactly,
    extensions: { issuer },
  });
  if (!isMessage) {
    // A library user's own step: @sigstore/verify does not bind an attestation to a file.
    const statement = JSON.parse(bundle.content.dsseEnvelope.payload);
    const digest = require('node:crypto').createHash('sha256').update(fs.readFileSync(file)).digest('hex');
    if (!statement.subject.some((subject) => subject.digest.sha256 === digest)) {
      throw new Error('no subject of the statement is this file');
    }
  }
}

/** What a service answered, which sigstore-js keeps in the cause of its own error. */
function explain(error) {
  const words = [];
  for (let cause = error; cause; cause = cause.cause) {
    words.push(`${cause.code ?? cause.name}: ${cause.message}`);
  }
  return words.join(' <- ');
}

const [verb, ...rest] = process.argv.slice(2);
Promise.resolve()
  .then(() => (verb === 'sign' ? sign(...rest) : verify(...rest)))
  .catch((error) => {
    console.error(explain(error));
    process.exitCode = 1;
  });
