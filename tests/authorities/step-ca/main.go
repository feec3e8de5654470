// step-ca for the tests: the authority of a configuration file, until it is ended. Its own command brings every cloud's
// key service along. Usage: step-ca CONFIG
package main

import (
	"log"
	"os"

	"github.com/smallstep/certificates/authority/config"
	"github.com/smallstep/certificates/ca"
	_ "github.com/smallstep/certificates/cas/softcas"
)

func main() {
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
