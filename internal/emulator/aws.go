// Package emulator is the embedded AWS: S3, S3 Control, STS, IAM, KMS and Secrets
// Manager as far as this product needs them, and the two ways in which EKS gives pods
// credentials, on one port and in one directory. It enforces what AWS enforces: every request is
// authenticated by its signature and authorized by the policies in force, and what
// is not implemented is refused by name. There is no switch that turns this off.
//
// Stock SDKs and tools reach it with AWS_ENDPOINT_URL and, for access point ARNs
// and S3 Control, with HTTP_PROXY set to the same address: it answers for AWS's own
// host names and is its own proxy, but forwards nothing.
package emulator

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/directory"
	"github.com/managedcas/managedcas/internal/emulator/faults"
	"github.com/managedcas/managedcas/internal/emulator/irsa"
	"github.com/managedcas/managedcas/internal/emulator/journal"
	"github.com/managedcas/managedcas/internal/emulator/podidentity"
	"github.com/managedcas/managedcas/internal/emulator/state"
)

// Config says what to emulate.
type Config struct {
	Dir       string // everything is kept here; made when it does not exist
	AccountID string // 12 digits
	Region    string // the only Region
	// Hosts are names, besides localhost and the address listened on, under which
	// clients reach the endpoint, e.g. that of a container or Kubernetes service.
	Hosts []string
	// AccessPoints and Policies are the quotas that AWS raises on request: access points
	// per Region and customer managed policies. 0: AWS's default.
	AccessPoints, Policies int
	Log                    *slog.Logger // nil: silent
}

// Credentials are a long-term access key.
type Credentials struct {
	AccessKeyID     string
	SecretAccessKey string
}

// LogValue keeps the secret out of logs.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.AccessKeyID) }

// String returns the access key id: credentials formatted by accident leak nothing.
func (c Credentials) String() string { return "credentials " + c.AccessKeyID }

// AWS is one embedded AWS account in one Region. It is an http.Handler and safe for
// concurrent use; several may run in one process, each with its own directory.
type AWS struct {
	cfg       Config
	db        *state.DB
	directory *directory.Directory
	journal   *journal.Journal
	faults    *faults.Set
	pods      *podidentity.Service
	clusters  *irsa.Service
	services  map[string]api.Emulated
	closers   []io.Closer // in the order of opening
	frame     *frame
}

// Open opens the account that lives in cfg.Dir, or creates it. The root user's
// credentials are made at random then, and stay.
func Open(cfg Config) (*AWS, error) {
	if !isAccountID(cfg.AccountID) {
		return nil, fmt.Errorf("account id %q: it must be 12 digits", cfg.AccountID)
	}
	if cfg.Region == "" || strings.ContainsAny(cfg.Region, "/: ") {
		return nil, fmt.Errorf("region %q: give one, such as us-west-2", cfg.Region)
	}
	if cfg.AccessPoints < 0 || cfg.Policies < 0 {
		return nil, fmt.Errorf("quotas of %d access points and %d policies: they cannot be negative", cfg.AccessPoints, cfg.Policies)
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the data directory: %w", err)
	}
	db, err := state.Open(filepath.Join(cfg.Dir, "state.db"))
	if err != nil {
		return nil, err
	}
	a := &AWS{
		cfg: cfg, db: db, closers: []io.Closer{db},
		journal: journal.New(journal.DefaultSize), faults: &faults.Set{},
	}
	if err := a.assemble(); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

func (a *AWS) assemble() (err error) {
	cfg := a.cfg
	if err := settle(a.db, home{AccountID: cfg.AccountID, Region: cfg.Region}); err != nil {
		return err
	}
	if a.directory, err = directory.Open(a.db, cfg.AccountID, a.faults.IAMPropagation); err != nil {
		return err
	}
	if err := a.openServices(); err != nil {
		return err
	}
	workloads := &workloads{root: a.RootCredentials(), roles: a.directory, pods: a.pods, clusters: a.clusters}
	a.frame = &frame{
		region:      cfg.Region,
		hosts:       newHosts(cfg.Hosts),
		services:    a.services,
		credentials: a.directory,
		journal:     a.journal,
		faults:      a.faults,
		admin:       newAdmin(a.journal, a.faults, a.pods, a.clusters.Handler(), workloads.handler(), a.health),
		log:         cfg.Log,
	}
	return nil
}

// home is the account and Region that a directory belongs to.
type home struct{ AccountID, Region string }

const homes state.Table[home] = "emulator/home"

// settle refuses to open a directory as another account or Region than it was made
// for: every ARN in it would be wrong.
func settle(db *state.DB, want home) error {
	return db.Update(func(tx state.Tx) error {
		const key = "home"
		got, err := homes.Get(tx, key)
		switch {
		case errors.Is(err, state.ErrNotFound):
			return homes.Put(tx, key, want)
		case err == nil && got != want:
			return fmt.Errorf("this data belongs to account %s in %s, not to %s in %s; use another directory or the old settings",
				got.AccountID, got.Region, want.AccountID, want.Region)
		}
		return err
	})
}

// Close closes the stores. Stop the server first: requests in flight would fail.
func (a *AWS) Close() error {
	var errs []error
	for _, c := range slices.Backward(a.closers) {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// ServeHTTP answers one request to any of the services.
func (a *AWS) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.frame.ServeHTTP(w, r) }

// Server returns an HTTP server for the account with bounds on what a client may
// send and how long it may idle.
func (a *AWS) Server() *http.Server {
	return &http.Server{
		Handler:           a,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    2 * maxHeaders, // the request line comes on top
		ErrorLog:          slog.NewLogLogger(a.cfg.Log.Handler(), slog.LevelDebug),
	}
}

// RootCredentials returns the access key of the account's root user, who is allowed
// whatever no policy denies.
func (a *AWS) RootCredentials() Credentials {
	key := a.directory.RootCredentials()
	return Credentials{AccessKeyID: key.ID, SecretAccessKey: key.Secret}
}

// Journal returns the record of what was asked and why it was answered so.
func (a *AWS) Journal() *journal.Journal { return a.journal }

// Faults returns what goes wrong on purpose: nothing until it is told.
func (a *AWS) Faults() *faults.Set { return a.faults }

// PodIdentity returns the emulated EKS Pod Identity.
func (a *AWS) PodIdentity() *podidentity.Service { return a.pods }

// IRSA returns the emulated OpenID Connect issuers of EKS clusters.
func (a *AWS) IRSA() *irsa.Service { return a.clusters }

func (a *AWS) readable() error { return a.db.View(func(state.Tx) error { return nil }) }
