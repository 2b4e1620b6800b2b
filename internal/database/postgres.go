package database

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/managedcas/managedcas/internal/jobs"
)

// The limits on PostgreSQL. Whoever needs others puts the parameter into the URL:
// pool_max_conns, connect_timeout, statement_timeout, and so on.
const (
	maxConnections = 16               // of a process, where PostgreSQL's default is 100 of all
	connectTimeout = 5 * time.Second  // for each host
	connectionLife = 30 * time.Minute // then it is made anew: a failover or a new DNS entry is found
	idleLife       = 5 * time.Minute

	// keepAlive finds a server that is gone without a word: 10 s + 3 × 5 s.
	keepAliveIdle     = 10 * time.Second
	keepAliveInterval = 5 * time.Second
	keepAliveProbes   = 3
)

// sessionLimits are PostgreSQL's own timeouts, which hold even if the client does not
// keep time: for one statement, for a lock, and for a transaction whose client is silent.
var sessionLimits = map[string]string{
	"application_name":                    "managedcasd",
	"statement_timeout":                   "30s",
	"lock_timeout":                        "10s",
	"idle_in_transaction_session_timeout": "30s",
}

func openPostgres(ctx context.Context, url string) (*DB, error) {
	target, err := parsePostgres(url)
	if err != nil {
		return nil, err
	}
	if err := target.migrate(ctx); err != nil {
		return nil, err
	}
	pool := stdlib.OpenDB(*target.connect)
	pool.SetMaxOpenConns(target.connections)
	// As many as there may be, until they have been idle for idleLife: a pool that keeps fewer
	// makes a connection, and PostgreSQL a process, for every few queries under load.
	pool.SetMaxIdleConns(target.connections)
	pool.SetConnMaxLifetime(connectionLife)
	pool.SetConnMaxIdleTime(idleLife)
	db := bun.NewDB(pool, pgdialect.New())
	queue, err := jobs.NewQueue(jobs.Postgres, pool)
	if err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return &DB{write: writer{db}, read: db, relaxed: db, queue: queue}, nil
}

// migrate brings the schema up to date over connections of its own: a migration may
// take longer than any statement of ours.
func (t postgresTarget) migrate(ctx context.Context) error {
	patient := t.connect.Copy()
	patient.RuntimeParams["statement_timeout"] = "0"
	patient.RuntimeParams["idle_in_transaction_session_timeout"] = "0"
	pool := stdlib.OpenDB(*patient)
	if err := errors.Join(migratePostgres(ctx, pool), pool.Close()); err != nil {
		return fmt.Errorf("migrate the database at %s: %w", t.name(), err)
	}
	return nil
}

// limited sets what the URL leaves open.
func limited(c *pgx.ConnConfig) {
	for name, value := range sessionLimits {
		if _, chosen := c.RuntimeParams[name]; !chosen {
			c.RuntimeParams[name] = value
		}
	}
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = connectTimeout
	}
	c.DialFunc = (&net.Dialer{KeepAliveConfig: net.KeepAliveConfig{
		Enable: true, Idle: keepAliveIdle, Interval: keepAliveInterval, Count: keepAliveProbes,
	}}).DialContext
	// bun writes values into the statement: there is nothing to prepare, and a cache of
	// statements that never come again is of no use. What is prepared says so (prepared.go).
	c.DefaultQueryExecMode = pgx.QueryExecModeExec
}
