package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/internal/session"
)

func TestStores(t *testing.T) {
	t.Parallel()
	database := func(text string) func(*storesSeen) {
		return func(o *storesSeen) { o.Schema.Err = errors.New(text) }
	}
	secrets := func(err error) func(*storesSeen) { return func(o *storesSeen) { o.Secrets = err } }
	for name, test := range map[string]struct {
		change func(*storesSeen)
		want   string
	}{
		"healthy":          {func(*storesSeen) {}, ""},
		"nothing yet":      {func(o *storesSeen) { o.Schema.Value.There = 0 }, ""},
		"older":            {func(o *storesSeen) { o.Schema.Value.There = 17 }, "database-schema-older"},
		"newer":            {func(o *storesSeen) { o.Schema.Value.There = 19 }, "database-schema-newer"},
		"open":             {func(o *storesSeen) { o.Schema.Value.Open = true }, "database-file-open"},
		"password":         {database(`failed SASL auth: FATAL: password authentication failed for user "cas" (SQLSTATE 28P01)`), "database-password"},
		"no database":      {database(`FATAL: database "cas" does not exist (SQLSTATE 3D000)`), "database-missing"},
		"privileges":       {database(`ERROR: permission denied for table goose_db_version (SQLSTATE 42501)`), "database-privileges"},
		"name":             {database("dial tcp: lookup db: no such host"), "database-dns"},
		"resolving":        {database("hostname resolving error (lookup db: no such host)"), "database-dns"},
		"certificate":      {database("tls error: x509: certificate signed by unknown authority"), "database-tls"},
		"refused":          {database("dial error (dial tcp 127.0.0.1:1: connect: connection refused)"), "database-refused"},
		"silent":           {database("context deadline exceeded"), "database-timeout"},
		"something else":   {database("EOF"), "database-unreachable"},
		"damaged":          {database("file is not a database (26)"), "database-damaged"},
		"URL":              {database("the URL of the database has an unknown scheme"), "database-url"},
		"directory":        {func(o *storesSeen) { o.Schema.Err = fmt.Errorf("stat: %w", fs.ErrNotExist) }, "database-directory"},
		"file":             {func(o *storesSeen) { o.Schema.Err = fmt.Errorf("open: %w", fs.ErrPermission) }, "database-file-denied"},
		"keys":             {func(o *storesSeen) { o.SigningKeys.Err = errors.New("malformed base64") }, "signing-keys-unreadable"},
		"Secrets Manager":  {secrets(fmt.Errorf("x: %w", cloud.ErrDenied)), "secret-store-denied"},
		"Vault refuses":    {secrets(fmt.Errorf("x: %w", registry.ErrRefused)), "secret-store-denied"},
		"Vault is away":    {secrets(fmt.Errorf("%w: connection refused", registry.ErrUnavailable)), "secret-store-refused"},
		"Vault is sealed":  {secrets(fmt.Errorf("%w: 503", registry.ErrUnavailable)), "secret-store-unreachable"},
		"something else's": {secrets(session.ErrCoordinates), "secret-store-changed"},
		"what nobody knew": {secrets(errors.New("x")), "secret-store-failed"},
		"nothing to try":   {secrets(fmt.Errorf("%w: x", ErrNotTried)), ""},
	} {
		o := Observation{Installation: installation(t), storesSeen: storesSeen{Schema: seen(Schema{There: 18, Known: 18}, nil), SigningKeys: seen(2, nil)}}
		test.change(&o.storesSeen)
		var found []Finding
		for _, c := range storeChecks() {
			found = append(found, c.result(o).Findings...)
		}
		if codes(found) != test.want {
			t.Errorf("%s: want %s: %+v", name, test.want, found)
		}
	}
}
