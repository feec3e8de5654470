// A registry with the referrers API, for the tests: go-containerregistry's, in memory.
// Its own command does not switch that API on. Usage: registry ADDRESS [LATENCY]; prints the address, then a line
// a request. LATENCY (20ms) is added to each answer. A repository copies/NUMBER/PATH is PATH under another name.
package main

import (
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
)

func main() {
	if len(os.Args) != 2 && len(os.Args) != 3 {
		log.Fatal("usage: registry ADDRESS [LATENCY]")
	}
	handler := copied(registry.New(registry.WithReferrersSupport(true)))
	if len(os.Args) == 3 {
		latency, err := time.ParseDuration(os.Args[2])
		if err != nil {
			log.Fatal(err)
		}
		handler = delayed(handler, latency)
	}
	listener, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(listener.Addr())
	log.Fatal(http.Serve(listener, handler))
}

func delayed(handler http.Handler, latency time.Duration) http.Handler {
	return http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		time.Sleep(latency)
		handler.ServeHTTP(answer, request)
	})
}

func copied(handler http.Handler) http.Handler {
	return http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		if copy, ok := strings.CutPrefix(request.URL.Path, "/v2/copies/"); ok {
			_, path, _ := strings.Cut(copy, "/")
			request.URL.Path = "/v2/" + path
		}
		handler.ServeHTTP(answer, request)
	})
}
