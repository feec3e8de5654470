// Pulls an image into a folder under a policy, by the very function that `skopeo copy` and `podman pull` call.
//
// usage: policy-pull POLICY.json REGISTRIES.d HOST/REPOSITORY[:TAG|@DIGEST] FOLDER
package main

import (
	"context"
	"fmt"
	"os"

	"go.podman.io/image/v5/copy"
	"go.podman.io/image/v5/directory"
	"go.podman.io/image/v5/docker"
	"go.podman.io/image/v5/signature"
	"go.podman.io/image/v5/types"
)

func pull(policyFile, registries, name, folder string) error {
	policy, err := signature.NewPolicyFromFile(policyFile)
	if err != nil {
		return err
	}
	checker, err := signature.NewPolicyContext(policy)
	if err != nil {
		return err
	}
	defer checker.Destroy()
	image, err := docker.ParseReference("//" + name)
	if err != nil {
		return err
	}
	destination, err := directory.NewReference(folder)
	if err != nil {
		return err
	}
	_, err = copy.Image(context.Background(), checker, destination, image, &copy.Options{
		SourceCtx: &types.SystemContext{
			RegistriesDirPath:           registries,
			DockerInsecureSkipTLSVerify: types.OptionalBoolTrue,
		},
	})
	return err
}

func main() {
	if len(os.Args) != 5 {
		fmt.Fprintln(os.Stderr, "usage: policy-pull POLICY.json REGISTRIES.d IMAGE FOLDER")
		os.Exit(2)
	}
	if err := pull(os.Args[1], os.Args[2], os.Args[3], os.Args[4]); err != nil {
		fmt.Fprintln(os.Stderr, "refused:", err)
		os.Exit(1)
	}
	fmt.Println("accepted")
}
