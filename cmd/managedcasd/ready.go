package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"

	"github.com/managedcas/managedcas/internal/emulator"
	"github.com/managedcas/managedcas/internal/emulator/podidentity"
	"github.com/managedcas/managedcas/internal/service"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// ready is the ready file of dev: where everything is and how to get in. gRPC values
// are host:port, the others URLs. Scripts rely on these names.
type ready struct {
	Controlplane endpoints         `json:"controlplane"`
	CAS          endpoints         `json:"cas"`
	AWS          readyAWS          `json:"aws"`
	Installation readyInstallation `json:"installation"`
	// Workloads are the pod identities, as the environment of a pod would have them.
	Workloads  map[string]readyWorkload `json:"workloads"`
	AdminToken string                   `json:"adminToken"`
}

type endpoints struct {
	GRPC string `json:"grpc"`
	HTTP string `json:"http"`
	// Metrics is there if the configuration has them apart.
	Metrics string `json:"metrics,omitempty"`
}

type readyAWS struct {
	Endpoint        string `json:"endpoint"`
	Region          string `json:"region"`
	AccountID       string `json:"accountId"`
	AccessKeyID     string `json:"accessKeyId"`
	SecretAccessKey string `json:"secretAccessKey"`
}

type readyInstallation struct {
	BucketName          string `json:"bucketName"`
	KMSKeyARN           string `json:"kmsKeyArn"`
	APPrefix            string `json:"apPrefix"`
	BaseRoleName        string `json:"baseRoleName"`
	BaseRoleARN         string `json:"baseRoleArn"`
	SessionPolicyPrefix string `json:"sessionPolicyPrefix"`
}

type readyWorkload struct {
	CredentialsURL     string `json:"credentialsUrl"`     // AWS_CONTAINER_CREDENTIALS_FULL_URI
	AuthorizationToken string `json:"authorizationToken"` // AWS_CONTAINER_AUTHORIZATION_TOKEN
	RoleARN            string `json:"roleArn"`
}

func newReady(listeners map[string]net.Listener, root emulator.Credentials, in tenancy.Installation, identities map[string]podidentity.Access, adminToken string) ready {
	address := func(name string) string { return listeners[name].Addr().String() }
	url := func(name string) string { return "http://" + address(name) }
	r := ready{
		Controlplane: endpoints{GRPC: address("controlplane-grpc"), HTTP: url("controlplane-http")},
		CAS:          endpoints{GRPC: address("cas-grpc"), HTTP: url("cas-http")},
		AWS: readyAWS{
			Endpoint: url("aws"), Region: in.Region, AccountID: in.AccountID,
			AccessKeyID: root.AccessKeyID, SecretAccessKey: root.SecretAccessKey,
		},
		Installation: readyInstallation{
			BucketName: in.BucketName, KMSKeyARN: in.KMSKeyARN, APPrefix: in.APPrefix,
			BaseRoleName: in.BaseRoleName, BaseRoleARN: in.BaseRoleARN(), SessionPolicyPrefix: in.SessionPolicyPrefix,
		},
		Workloads:  map[string]readyWorkload{},
		AdminToken: adminToken,
	}
	roles := map[string]string{"backend": in.BackendRoleARN(), "controlplane": in.ControlplaneRoleARN(), "cas": in.CASRoleARN()}
	for workload, access := range identities {
		r.Workloads[workload] = readyWorkload{
			CredentialsURL:     url("aws") + access.Path,
			AuthorizationToken: access.AuthorizationToken,
			RoleARN:            roles[workload],
		}
	}
	return r
}

// announce waits until every server answers, writes the ready file, and removes it
// when ctx ends: a file that is there means that the system is.
func announce(ctx context.Context, file string, r ready, log *slog.Logger) error {
	for _, url := range []string{r.AWS.Endpoint + "/_aws/health", r.Controlplane.HTTP + "/readyz", r.CAS.HTTP + "/readyz"} {
		if err := awaitOK(ctx, http.DefaultClient, url); err != nil {
			return err
		}
	}
	if file != "" {
		if err := writeJSON(file, r); err != nil {
			return fmt.Errorf("writing the ready file: %w", err)
		}
		defer os.Remove(file)
	}
	log.LogAttrs(ctx, slog.LevelInfo, "ready",
		slog.String("controlplane", r.Controlplane.GRPC), slog.String("cas", r.CAS.GRPC), slog.String("aws", r.AWS.Endpoint), slog.String("pages", r.Controlplane.HTTP))
	<-ctx.Done()
	return nil
}

// removeReady removes a ready file if it is there: at the end, and at the start what a
// killed process left behind.
func removeReady(file string) error {
	if file == "" {
		return nil
	}
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the ready file: %w", err)
	}
	return nil
}

// writeJSON writes value to file, all of it or nothing, readable by the owner alone.
func writeJSON(file string, value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(file, append(text, '\n'))
}

func writeFile(file string, text []byte) error {
	temporary, err := os.CreateTemp(filepath.Dir(file), ".managedcas-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name()) // gone already when all went well
	if _, err := temporary.Write(text); err != nil {
		return err
	}
	if err := temporary.Close(); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), file)
}

// awaitOK asks url until it answers 200.
func awaitOK(ctx context.Context, client *http.Client, url string) error {
	return service.Poll(ctx, func() error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			why, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
			return fmt.Errorf("%s answers %s: %s", url, resp.Status, bytes.TrimSpace(why))
		}
		return nil
	})
}
