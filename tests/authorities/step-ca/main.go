// step-ca for the tests: the authority of a configuration file, until it is ended. Its own command brings every cloud's
// key service along. Usage: step-ca CONFIG, or step-ca jwk PASSWORD, which prints a new provisioner's key, encrypted.
package main

import (
	"encoding/json"
	"log"
	"os"

	"github.com/smallstep/certificates/authority/config"
	"github.com/smallstep/certificates/ca"
	_ "github.com/smallstep/certificates/cas/softcas"
	"go.step.sm/crypto/jose"
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == "jwk" {
		jwk(os.Args[2])
		return
	}
	if len(os.Args) != 2 {
		log.Fatal("usage: step-ca CONFIG")
	}
	settings, err := config.LoadConfiguration(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	authority, err := ca.New(settings)
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(authority.Run())
}

// jwk does what `step ca provisioner add --type JWK --create` does.
func jwk(password string) {
	key, jwe, err := jose.GenerateDefaultKeyPair([]byte(password))
	if err != nil {
		log.Fatal(err)
	}
	encrypted, err := jwe.CompactSerialize()
	if err != nil {
		log.Fatal(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(map[string]any{"key": key, "encryptedKey": encrypted}); err != nil {
		log.Fatal(err)
	}
}
