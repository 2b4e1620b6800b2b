package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/internal/session"
)

// Schema is how far the schema of a database has been migrated.
type Schema struct {
	There, Known int64 // There is 0 in a database that no role has started on
	Open         bool  // it is a file that others than its owner can read
}

// ready reports whether the database can be used without migrating it.
func (s Schema) ready() bool { return s.There == s.Known }

// Stores are what the installation keeps outside of S3. A doctor migrates nothing.
type Stores interface {
	// Schema looks at the database; fs.ErrNotExist when there is no place for its file.
	Schema(ctx context.Context) (Schema, error)
	// TrySecrets writes, reads and deletes the coordinates of an organization of nobody, or
	// for who may only read, reads them; ErrNotTried when there is nothing to try.
	TrySecrets(ctx context.Context) error
	// SigningKeys reads the keys that tokens are signed with, and counts them.
	SigningKeys(ctx context.Context) (int, error)
}

// ErrNotTried says that there is nothing to find out, and nothing wrong with that.
var ErrNotTried = errors.New("not tried")

type storesSeen struct {
	Schema      Seen[Schema]
	Secrets     error
	SigningKeys Seen[int]
}

func (d *Doctor) observeStores(ctx context.Context) storesSeen {
	if d.cfg.Stores == nil {
		return storesSeen{Schema: Seen[Schema]{Err: ErrNotTried}, Secrets: ErrNotTried, SigningKeys: Seen[int]{Err: ErrNotTried}}
	}
	o := storesSeen{Schema: seen(d.cfg.Stores.Schema(ctx))}
	o.Secrets = d.cfg.Stores.TrySecrets(ctx)
	o.SigningKeys = Seen[int]{Err: fmt.Errorf("%w: the schema is to be migrated first", ErrNotTried)}
	if o.Schema.Err != nil {
		o.SigningKeys.Err = fmt.Errorf("%w: the database was not read", ErrNotTried)
	}
	if o.Schema.Err == nil && o.Schema.Value.ready() {
		o.SigningKeys = seen(d.cfg.Stores.SigningKeys(ctx))
	}
	return o
}

// storeChecks are about the database and the secret store.
func storeChecks() []check {
	return []check{
		{"stores/database", "the database answers, with the schema of this version", databaseAnswers},
		{"stores/signing-keys", "the keys of tokens can be read", signingKeys},
		{"stores/secrets", "the secret store takes and gives coordinates", secretsKept},
	}
}

func databaseAnswers(o Observation) ([]Finding, error) {
	s := o.Schema.Value
	switch {
	case errors.Is(o.Schema.Err, ErrNotTried):
		return nil, o.Schema.Err
	case o.Schema.Err != nil:
		return []Finding{databaseTrouble(o.Schema.Err)}, nil
	case s.There > s.Known:
		return []Finding{{
			Code: "database-schema-newer", Status: Failed,
			What:        fmt.Sprintf("the database has schema %d, and this program knows schemas up to %d", s.There, s.Known),
			Evidence:    "its table goose_db_version",
			Consequence: "no role of this version starts",
			Fix:         Fix{Text: "run the newer managedcasd that made it, or restore the backup from before the upgrade"},
		}}, nil
	case s.There > 0 && s.There < s.Known:
		return []Finding{{
			Code: "database-schema-older", Status: Warning,
			What:        fmt.Sprintf("the database has schema %d, and this program wants %d", s.There, s.Known),
			Evidence:    "its table goose_db_version",
			Consequence: "the next role of this version that starts migrates it; older versions do not start any more then",
			Fix:         Fix{Text: "back the database up, then start the backend of this version"},
		}}, nil
	case s.Open:
		return []Finding{{
			Code: "database-file-open", Status: Warning,
			What:        "the file of the database can be read by others than its owner",
			Evidence:    "its permissions",
			Consequence: "who reads it has the keys that tokens are signed with",
			Fix:         Fix{Text: "chmod 600 it, and its -wal and -shm, and rotate the keys: managedcasd keys rotate"},
		}}, nil
	}
	return nil, nil
}

// databaseTrouble names why a database cannot be used. PostgreSQL's SQLSTATE are in its
// documentation, appendix A.
func databaseTrouble(err error) Finding {
	f := Finding{Status: Failed, Evidence: err.Error(), Consequence: "no role starts, and running ones are not ready"}
	says := func(parts ...string) bool {
		for _, part := range parts {
			if strings.Contains(f.Evidence, part) {
				return true
			}
		}
		return false
	}
	switch {
	case says("SQLSTATE 28P01", "SQLSTATE 28000"):
		f.Code, f.What = "database-password", "the database refuses the user or the password"
		f.Fix.Text = "correct the URL in database.url or in the secret that database.urlFile is mounted from; if the password was changed, change it there as well"
	case says("SQLSTATE 3D000"):
		f.Code, f.What = "database-missing", "the database server has no such database"
		f.Fix.Text = "create the database, or correct its name in the URL"
	case says("SQLSTATE 42501"):
		f.Code, f.What = "database-privileges", "the database user may not read the tables"
		f.Fix.Text = "make it the owner of the database: ALTER DATABASE name OWNER TO user"
	case errors.Is(err, fs.ErrNotExist):
		f.Code, f.What = "database-directory", "the directory of the SQLite file does not exist"
		f.Fix.Text = "create the directory, or mount the volume there"
	case errors.Is(err, fs.ErrPermission):
		f.Code, f.What = "database-file-denied", "the SQLite file may not be read and written"
		f.Fix.Text = "give file and directory to the user that the pod runs as (securityContext.fsGroup)"
	case says("database.url", "the URL of the database"):
		f.Code, f.What = "database-url", "the URL of the database is wrong"
		f.Fix.Text = "give sqlite:PATH, or postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full"
	case says("not a database", "malformed"):
		f.Code, f.What = "database-damaged", "the SQLite file is damaged, or no SQLite file"
		f.Fix.Text = "restore it from a backup; docs/operating.md says how"
	default:
		trouble := troubleOf(err)
		f.Code, f.What, f.Fix.Text = "database-"+trouble.kind, "the database cannot be reached: "+trouble.what, trouble.fix
	}
	return f
}

func signingKeys(o Observation) ([]Finding, error) {
	if errors.Is(o.SigningKeys.Err, ErrNotTried) {
		return nil, o.SigningKeys.Err
	}
	if o.SigningKeys.Err == nil {
		return nil, nil
	}
	return []Finding{{
		Code: "signing-keys-unreadable", Status: Failed,
		What:        "the keys that tokens are signed with cannot be read",
		Evidence:    o.SigningKeys.Err.Error(),
		Consequence: "the control plane issues no tokens, and accepts none",
		Fix:         Fix{Text: "restore the table signing_keys from a backup; in an emergency delete its rows: the control plane makes new keys, and every token is void"},
	}}, nil
}

func secretsKept(o Observation) ([]Finding, error) {
	err := o.Secrets
	if err == nil || errors.Is(err, ErrNotTried) {
		return nil, err
	}
	f := Finding{
		Code: "secret-store-failed", Status: Failed,
		What:        "the secret store does not take and give what it must",
		Evidence:    err.Error(),
		Consequence: "no organization can be made, and sessions that are not kept cannot be had",
		Fix:         Fix{Text: "see docs/secret-stores.md"},
	}
	switch {
	case errors.Is(err, cloud.ErrDenied) || strings.Contains(err.Error(), "AccessDenied"):
		f.Code, f.What = "secret-store-denied", "Secrets Manager refuses the workload"
		f.Fix = putPermissions(o.Installation.BackendRoleName, o.Installation.BackendPermissions())
		f.Fix.Text += ": they have changed with secretStore"
	case errors.Is(err, registry.ErrRefused):
		f.Code, f.What = "secret-store-denied", "the secret store refuses the workload"
		f.Fix.Text = "give its role the policy of docs/secret-stores.md, and see that role, mount and pathPrefix are the configured ones"
	case errors.Is(err, registry.ErrUnavailable) || cloud.Transient(err):
		trouble := troubleOf(err)
		f.Code, f.What, f.Fix.Text = "secret-store-"+trouble.kind, "the secret store cannot be reached: "+trouble.what, trouble.fix
	case errors.Is(err, session.ErrCoordinates):
		f.Code, f.What = "secret-store-changed", "the secret store gives something else than it was given"
		f.Fix.Text = "see that nothing else writes under its prefix"
	}
	return []Finding{f}, nil
}
