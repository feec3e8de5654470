// Asks the library of podman and skopeo whether a policy lets an image in.
//
// usage: policy-check POLICY.json REGISTRIES.d HOST/REPOSITORY[:TAG|@DIGEST]
package main

import (
	"context"
	"fmt"
	"os"

	"go.podman.io/image/v5/docker"
	"go.podman.io/image/v5/image"
	"go.podman.io/image/v5/signature"
	"go.podman.io/image/v5/types"
)

func check(policyFile, registries, name string) error {
	policy, err := signature.NewPolicyFromFile(policyFile)
	if err != nil {
		return err
	}
	checker, err := signature.NewPolicyContext(policy)
	if err != nil {
		return err
	}
	system := &types.SystemContext{
		RegistriesDirPath:           registries,
		DockerInsecureSkipTLSVerify: types.OptionalBoolTrue,
	}
	reference, err := docker.ParseReference("//" + name)
	if err != nil {
		return err
	}
	source, err := reference.NewImageSource(context.Background(), system)
	if err != nil {
		return err
	}
	defer source.Close()
	_, err = checker.IsRunningImageAllowed(context.Background(), image.UnparsedInstance(source, nil))
	return err
}

func main() {
	if err := check(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "refused:", err)
		os.Exit(1)
	}
	fmt.Println("accepted")
}
