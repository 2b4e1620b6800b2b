package database

import (
	"strings"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/database/databasetest"
)

func TestPostgresWithoutTLSOnlyOnThisMachine(t *testing.T) {
	t.Parallel()
	for url, good := range map[string]bool{
		"postgres://u:p@db.example.com/d":                                   false, // libpq's default: prefer
		"postgres://u:p@db.example.com/d?sslmode=prefer":                    false,
		"postgres://u:p@db.example.com/d?sslmode=allow":                     false,
		"postgresql://u:p@127.0.0.1,db.example.com/d":                       false,
		"postgres://u:p@db.example.com/d?sslmode=require":                   true,
		"postgres://u:p@db.example.com/d?sslmode=verify-full":               true,
		"postgres://u:p@db.example.com/d?sslmode=disable":                   true,
		"postgres://u:p@127.0.0.1:5433/d":                                   true,
		"postgres://u:p@[::1]/d":                                            true,
		"postgres://u:p@localhost/d":                                        true,
		"postgres:///d?host=/var/run/postgresql":                            true,
		"postgres://u:p@db.example.com/d?sslmode=verify-full&password=else": false,
		"postgres://u:p@db.example.com/d?sslmode=full":                      false,
		"postgres://u:p@127.0.0.1/d?pool_max_conns=0":                       false,
		"postgres://u:p@127.0.0.1/d?pool_max_conns=1":                       true,
		"postgres://u:p%zz@127.0.0.1/d":                                     false,
		"postgres://u:p@127.0.0.1:port/d":                                   false,
	} {
		if _, err := parsePostgres(url); (err == nil) != good {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestPasswordIsInNoError(t *testing.T) {
	t.Parallel()
	const password = "correct-horse"
	for _, url := range []string{
		"postgres://u:" + password + "@db.example.com/d",
		"postgres://u:" + password + "%zz@127.0.0.1/d",
		"postgres://u:" + password + "@127.0.0.1:port/d",
		"postgres://u:" + password + "@127.0.0.1/d?sslmode=full",
		"postgres://u:" + password + "@127.0.0.1/d?pool_max_conns=" + password,
		"postgres://u@127.0.0.1/d?password=" + password,
		"postgres://u:" + password + "@/d?host=" + t.TempDir(), // nobody listens
	} {
		_, err := Open(t.Context(), url)
		if err == nil {
			t.Errorf("%s can be opened", url)
		} else if strings.Contains(err.Error(), password) {
			t.Errorf("the error has the password in it: %v", err)
		}
	}
}

func TestLimitsOfPostgres(t *testing.T) {
	t.Parallel()
	target, err := parsePostgres("postgres://u@127.0.0.1/d?sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	if c := target.connect; target.connections != maxConnections || c.ConnectTimeout != connectTimeout || c.RuntimeParams["statement_timeout"] != "30s" {
		t.Errorf("%d connections, %s to connect, %v", target.connections, c.ConnectTimeout, c.RuntimeParams)
	}
	target, err = parsePostgres("postgres://u@127.0.0.1/d?sslmode=disable&pool_max_conns=3&connect_timeout=7&statement_timeout=9s")
	if err != nil {
		t.Fatal(err)
	}
	if c := target.connect; target.connections != 3 || c.ConnectTimeout != 7*time.Second || c.RuntimeParams["statement_timeout"] != "9s" {
		t.Errorf("chosen limits: %d connections, %s to connect, %v", target.connections, c.ConnectTimeout, c.RuntimeParams)
	}
}

// TestStatementsEnd asks the server what it holds a session to, and that it does.
func TestStatementsEnd(t *testing.T) {
	t.Parallel()
	db := openTarget(t, databasetest.Postgres(t)+"&statement_timeout=3s") // enough for all others, on a machine that is busy
	if _, err := db.read.ExecContext(t.Context(), "SELECT pg_sleep(60)"); err == nil || !strings.Contains(err.Error(), "57014") {
		t.Errorf("a statement that takes a minute: %v, want SQLSTATE 57014", err)
	}
	var lock string
	if err := db.read.NewRaw("SHOW lock_timeout").Scan(t.Context(), &lock); err != nil || lock != "10s" {
		t.Errorf("lock_timeout is %s, %v", lock, err)
	}
}
