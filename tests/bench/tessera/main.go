// Command tessera serves a tile log of tessera's POSIX storage, for figures beside the stack's:
//
//	tessera ADDRESS DIR
//
// POST /api/v2/log/entries appends the body as it is: no signature, certificate or policy is looked at. The answer is
// the entry's index, once a signed checkpoint with the entry is public, which is when the stack answers. Entries that
// come twice are found by tessera's own persistent index. Checkpoints are as frequent as this storage allows.
package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	antispam "github.com/transparency-dev/tessera/storage/posix/antispam"
	"golang.org/x/mod/sumdb/note"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: tessera ADDRESS DIR")
	}
	ctx := context.Background()
	secret, _, err := note.GenerateKey(rand.Reader, "bench.example")
	check(err)
	signer, err := note.NewSigner(secret)
	check(err)
	driver, err := posix.New(ctx, posix.Config{Path: os.Args[2]})
	check(err)
	known, err := antispam.NewAntispam(ctx, filepath.Join(os.Args[2], ".state", "antispam"), antispam.AntispamOpts{})
	check(err)
	options := tessera.NewAppendOptions().
		WithCheckpointSigner(signer).
		WithCheckpointInterval(100*time.Millisecond).
		WithBatching(256, 10*time.Millisecond).
		WithAntispam(tessera.DefaultAntispamInMemorySize, known)
	appender, _, reader, err := tessera.NewAppender(ctx, driver, options)
	check(err)
	public := tessera.NewPublicationAwaiter(ctx, reader.ReadCheckpoint, 10*time.Millisecond)

	http.HandleFunc("POST /api/v2/log/entries", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		index, _, err := public.Await(r.Context(), appender.Add(r.Context(), tessera.NewEntry(body)))
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintf(w, "%d", index.Index)
	})
	listener, err := net.Listen("tcp", os.Args[1])
	check(err)
	fmt.Println("serving on", listener.Addr())
	check(http.Serve(listener, nil))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
