package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"

	"github.com/managedcas/managedcas/internal/awscloud"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// The embedded account. The names are those of the operator's guide.
const (
	devAccount = "123456789012"
	devRegion  = "us-east-1"
)

// devProvision does with the embedded account what managedcasd provision does with a
// real one.
func devProvision(ctx context.Context, operator *awscloud.Cloud, purge bool, log *slog.Logger) (tenancy.Installation, error) {
	in := tenancy.Installation{
		Partition: "aws", AccountID: devAccount, Region: devRegion,
		BucketName:           "managedcas-dev",
		APPrefix:             "chainloop-",
		BaseRoleName:         "managedcas-tenant",
		SessionPolicyPrefix:  "cas-",
		BackendRoleName:      "managedcas-backend",
		ControlplaneRoleName: "managedcas-controlplane",
		OperatorARNs:         []string{"arn:aws:iam::" + devAccount + ":root"},
		// There is one account: customers' roles are in it, too, apart from ours by their path.
		OwnBucketRoles: []string{"arn:aws:iam::" + devAccount + ":role/customer/*"},
		Loopback:       true,
	}
	if purge {
		in.PurgeRoleName = in.BaseRoleName + "-purge"
	}
	return provisionNow(ctx, operator, in, log)
}

// devDirectory returns the data directory and what to do with it at the end.
func devDirectory(dir string) (string, func() error, error) {
	if dir == "" {
		temporary, err := os.MkdirTemp("", "managedcas-dev-*")
		return temporary, func() error { return os.RemoveAll(temporary) }, err
	}
	return dir, func() error { return nil }, os.MkdirAll(dir, 0o700)
}

// listenLoopback opens one listener per name on consecutive ports, or on free ones.
func listenLoopback(first int, names ...string) (map[string]net.Listener, error) {
	listeners := map[string]net.Listener{}
	for i, name := range names {
		port := 0
		if first > 0 {
			port = first + i
		}
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			for _, opened := range listeners {
				err = errors.Join(err, opened.Close())
			}
			return nil, fmt.Errorf("listening for %s (choose another --ports, or 0): %w", name, err)
		}
		listeners[name] = l
	}
	return listeners, nil
}
