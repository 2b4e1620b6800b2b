package databasetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
)

// shared is what the tests of one binary have in common. The server starts when the
// first of them asks for it.
var shared struct {
	once    sync.Once
	migrate func(ctx context.Context, target string) error
	cluster *cluster
	err     error
	copying sync.Mutex // PostgreSQL copies a template while nobody else does
	names   atomic.Int64
}

// Main runs the tests of a package, and ends the server that they started. Migrate gives
// an empty database its schema.
func Main(m *testing.M, migrate func(ctx context.Context, target string) error) {
	os.Exit(run(m, migrate))
}

func run(m *testing.M, migrate func(ctx context.Context, target string) error) int {
	shared.migrate = migrate
	code := m.Run()
	if shared.cluster != nil {
		if err := shared.cluster.stop(); err != nil {
			fmt.Fprintln(os.Stderr, "databasetest:", err)
			code = max(code, 1)
		}
	}
	return code
}

// Engines are the names of the engines, for tables.
var Engines = []string{"sqlite", "postgres"}

// Each runs a test on each engine, as parallel subtests that get the target of a
// database of their own.
func Each(t *testing.T, run func(t *testing.T, target string)) {
	t.Helper()
	for _, engine := range Engines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			run(t, Target(t, engine))
		})
	}
}

// Target returns the target of a fresh database of that engine.
func Target(t *testing.T, engine string) string {
	t.Helper()
	switch engine {
	case "sqlite":
		return SQLite(t, shared.migrate)
	case "postgres":
		return Postgres(t)
	}
	t.Fatalf("there is no engine %q", engine)
	return ""
}

// Postgres returns the URL of a fresh database that has the newest schema.
func Postgres(t testing.TB) string {
	t.Helper()
	return create(t, "TEMPLATE "+template)
}

// EmptyPostgres returns the URL of a fresh database that has nothing in it.
func EmptyPostgres(t *testing.T) string {
	t.Helper()
	return create(t, "")
}

const template = "migrated"

func create(t testing.TB, from string) string {
	t.Helper()
	shared.once.Do(func() { shared.err = prepare(context.Background()) })
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	name := fmt.Sprintf("test_%d", shared.names.Add(1))
	shared.copying.Lock()
	defer shared.copying.Unlock()
	if err := administer(t.Context(), "CREATE DATABASE "+name+" "+from); err != nil {
		t.Fatal(err)
	}
	return shared.cluster.url(name)
}

// prepare starts the server, and makes the database that the tests' are copies of.
func prepare(ctx context.Context) error {
	if shared.migrate == nil {
		return errors.New("databasetest: the package's TestMain does not call Main")
	}
	var err error
	if shared.cluster, err = start(ctx); err != nil {
		return err
	}
	if err := administer(ctx, "CREATE DATABASE "+template); err != nil {
		return err
	}
	return shared.migrate(ctx, shared.cluster.url(template))
}

func administer(ctx context.Context, statement string) error {
	conn, err := pgx.Connect(ctx, shared.cluster.url("postgres"))
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, statement)
	return errors.Join(err, conn.Close(context.WithoutCancel(ctx)))
}
