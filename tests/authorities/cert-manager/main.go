// cert-manager for the tests: its controllers that make issuers of CAs ready and sign certificate requests, and, where
// it is asked for, the approver that approves everything. Its own command is a module of its own that is not to be had
// as one. Usage: cert-manager KUBECONFIG [approve]
package main

import (
	"context"
	"log"
	"os"
	"os/signal"
	"sync"

	"github.com/cert-manager/cert-manager/pkg/controller"
	"github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/approver"
	"github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/ca"
	"github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/selfsigned"
	"github.com/cert-manager/cert-manager/pkg/controller/clusterissuers"
	"github.com/cert-manager/cert-manager/pkg/controller/issuers"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/ca"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/selfsigned"
)

func main() {
	if len(os.Args) < 2 {
		log.Fatal("usage: cert-manager KUBECONFIG [approve]")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	factory, err := controller.NewContextFactory(ctx, controller.ContextOptions{
		Kubeconfig:         os.Args[1],
		KubernetesAPIQPS:   50,
		KubernetesAPIBurst: 100,
		IssuerOptions:      controller.IssuerOptions{ClusterResourceNamespace: "cert-manager"},
	})
	if err != nil {
		log.Fatal(err)
	}
	names := []string{issuers.ControllerName, clusterissuers.ControllerName, ca.CRControllerName, selfsigned.CRControllerName}
	if len(os.Args) > 2 && os.Args[2] == "approve" {
		names = append(names, approver.ControllerName)
	}
	var running sync.WaitGroup
	var all []controller.Interface
	for _, name := range names {
		one, err := controller.Known()[name](factory)
		if err != nil {
			log.Fatalf("%s: %v", name, err)
		}
		all = append(all, one)
	}
	shared, err := factory.Build()
	if err != nil {
		log.Fatal(err)
	}
	shared.SharedInformerFactory.Start(ctx.Done())
	shared.KubeSharedInformerFactory.Start(ctx.Done())
	shared.HTTP01ResourceMetadataInformersFactory.Start(ctx.Done())
	for _, one := range all {
		running.Add(1)
		go func() {
			defer running.Done()
			if err := one.Run(2, ctx); err != nil {
				log.Print(err)
			}
		}()
	}
	running.Wait()
}
