// A certified OpenID provider on the loopback address: provider.mjs MODULES; prints its issuer.
// Anybody signs in by a form, as LOGIN with the address LOGIN@example.com.
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(pathToFileURL(process.argv[2] + "/"));
const { Provider } = await import(pathToFileURL(require.resolve("oidc-provider")));

let callback;
const server = createServer((request, response) => callback(request, response));
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: "sigstore",
        application_type: "native",
        token_endpoint_auth_method: "none",
        grant_types: ["authorization_code", "urn:ietf:params:oauth:grant-type:device_code"],
        redirect_uris: ["http://localhost/auth/callback", "urn:ietf:wg:oauth:2.0:oob"],
      },
      {
        client_id: "machine",
        client_secret: "secret-of-the-machine",
        grant_types: ["client_credentials"],
        redirect_uris: [],
        response_types: [],
        scope: "openid",
      },
    ],
    claims: { openid: ["sub"], email: ["email", "email_verified"] },
    // The address stands in the identity token, as Sigstore's authorities read it there.
    conformIdTokenClaims: false,
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: id, email: `${id}@example.com`, email_verified: true }),
    }),
    features: {
      devInteractions: { enabled: true },
      deviceFlow: { enabled: true },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: (_, client) => (client.clientId === "machine" ? "https://ca.example" : undefined),
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({ scope: "openid", accessTokenFormat: "jwt", audience: "sigstore" }),
      },
    },
  });
  callback = provider.callback();
  console.log(issuer);
});
