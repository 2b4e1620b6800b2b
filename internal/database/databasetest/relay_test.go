package databasetest_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/managedcas/managedcas/internal/database"
	"github.com/managedcas/managedcas/internal/database/databasetest"
)

func TestMain(m *testing.M) { databasetest.Main(m, database.Migrate) }

// A transaction's COMMIT meets each fate; afterwards the row is there or not.
func TestRelay(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		fate   databasetest.Fate
		code   string // of the error that the client gets
		failed bool
		there  bool
	}{
		"passes":                {databasetest.Fate{}, "", false, true},
		"refused":               {databasetest.Fate{Refused: "40001"}, "40001", true, false},
		"cut before the effect": {databasetest.Fate{Lost: true}, "", true, false},
		"cut after the effect":  {databasetest.Fate{Lost: true, Effect: true}, "", true, true},
		"silent before":         {databasetest.Fate{Lost: true, Hang: true}, "", true, false},
		"silent after":          {databasetest.Fate{Lost: true, Effect: true, Hang: true}, "", true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			target := databasetest.EmptyPostgres(t)
			plain := connect(t, target)
			if _, err := plain.Exec(t.Context(), "CREATE TABLE t (n INT)"); err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			var met, counted atomic.Int64
			relay := databasetest.NewRelay(t, target, func(e databasetest.Exchange) databasetest.Fate {
				counted.Add(1)
				if e.Statement != "commit" {
					return databasetest.Fate{}
				}
				met.Add(1)
				fate := row.fate
				if fate.Hang {
					fate.Then = stop
				}
				return fate
			})
			err := pgx.BeginFunc(ctx, connect(t, relay.URL), func(tx pgx.Tx) error {
				_, err := tx.Exec(ctx, "INSERT INTO t VALUES ($1)", 7)
				return err
			})
			if (err != nil) != row.failed || met.Load() != 1 || counted.Load() < 3 {
				t.Errorf("%v after %d statements", err, counted.Load())
			}
			if pg, _ := errors.AsType[*pgconn.PgError](err); row.code != "" && (pg == nil || pg.Code != row.code) {
				t.Errorf("%v, want %s", err, row.code)
			}
			var n int
			if err := plain.QueryRow(t.Context(), "SELECT count(*) FROM t").Scan(&n); err != nil || n > 0 != row.there {
				t.Errorf("%d rows, %v", n, err)
			}
		})
	}
}

// After Cut, nobody gets through any more.
func TestRelayCut(t *testing.T) {
	t.Parallel()
	relay := databasetest.NewRelay(t, databasetest.EmptyPostgres(t), func(databasetest.Exchange) databasetest.Fate { return databasetest.Fate{} })
	open := connect(t, relay.URL)
	relay.Cut()
	if _, err := open.Exec(t.Context(), "SELECT 1"); err == nil {
		t.Error("an open connection works")
	}
	if _, err := pgx.Connect(t.Context(), relay.URL); err == nil {
		t.Error("a new connection works")
	}
}

func connect(t *testing.T, target string) *pgx.Conn {
	t.Helper()
	cfg, err := pgx.ParseConfig(target)
	if err != nil {
		t.Fatal(err)
	}
	cfg.DefaultQueryExecMode = pgx.QueryExecModeExec
	conn, err := pgx.ConnectConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, stop := context.WithTimeout(context.WithoutCancel(t.Context()), time.Second)
		defer stop()
		_ = conn.Close(ctx)
	})
	return conn
}
