// Prints the trusted root that sigstore-js's TUF client finds: tuf.cjs URL ROOT CACHE
const { initTUF } = require("@sigstore/tuf");

const [mirrorURL, rootPath, cachePath] = process.argv.slice(2);
initTUF({ mirrorURL, rootPath, cachePath, force: true })
  .then((tuf) => tuf.getTarget("trusted_root.json"))
  .then((text) => process.stdout.write(text))
  .catch((error) => { console.error(error); process.exit(1); });
