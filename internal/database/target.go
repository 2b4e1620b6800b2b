package database

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// postgresTarget is a PostgreSQL URL that was read and found good.
type postgresTarget struct {
	connect     *pgx.ConnConfig
	connections int
}

// isPostgres tells a URL of PostgreSQL from the path of a file.
func isPostgres(target string) bool {
	return strings.HasPrefix(target, "postgres://") || strings.HasPrefix(target, "postgresql://")
}

var (
	errUnreadable = errors.New("the URL of the database cannot be read: give postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full, with special characters in the password percent-encoded")
	errPassword   = errors.New("the URL of the database has a password among its parameters: put it before the @, or into PGPASSWORD")
	errPlain      = errors.New("the URL of the database may go on without TLS: add sslmode=verify-full (and sslrootcert=FILE for a private authority), or sslmode=disable if something else encrypts")
)

// parsePostgres reads the URL, together with the environment variables of libpq that fill
// in what it leaves open. No error repeats the URL: it has a password.
func parsePostgres(text string) (postgresTarget, error) {
	u, err := url.Parse(text)
	if err != nil {
		return postgresTarget{}, errUnreadable
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return postgresTarget{}, errUnreadable
	}
	if query.Has("password") || query.Has("sslpassword") {
		return postgresTarget{}, errPassword
	}
	pool, err := pgxpool.ParseConfig(text)
	if err != nil {
		return postgresTarget{}, withoutURL(err, u)
	}
	target := postgresTarget{connect: pool.ConnConfig, connections: maxConnections}
	if query.Has("pool_max_conns") {
		target.connections = int(pool.MaxConns)
	}
	if mode := query.Get("sslmode"); mode != "disable" && os.Getenv("PGSSLMODE") != "disable" && target.mayBePlain() {
		return postgresTarget{}, errPlain
	}
	limited(target.connect)
	return target, nil
}

// withoutURL keeps of a driver's error what follows the connection string that it
// quotes, unless the password is in there as well.
func withoutURL(err error, u *url.URL) error {
	_, reason, found := strings.Cut(err.Error(), "`: ")
	password, _ := u.User.Password()
	if !found || password != "" && strings.Contains(reason, password) {
		return errUnreadable
	}
	return fmt.Errorf("%w: %s", errUnreadable, reason)
}

// mayBePlain reports whether a host beyond this machine may be spoken to without TLS:
// libpq's default, sslmode=prefer, takes what it gets.
func (t postgresTarget) mayBePlain() bool {
	if t.connect.TLSConfig == nil && !here(t.connect.Host) {
		return true
	}
	for _, other := range t.connect.Fallbacks {
		if other.TLSConfig == nil && !here(other.Host) {
			return true
		}
	}
	return false
}

// here reports whether host is a unix socket's directory or loopback.
func here(host string) bool {
	ip := net.ParseIP(host)
	return strings.HasPrefix(host, "/") || host == "localhost" || ip != nil && ip.IsLoopback()
}

// name is how the target is spoken of.
func (t postgresTarget) name() string {
	return fmt.Sprintf("postgres://%s/%s", net.JoinHostPort(t.connect.Host, fmt.Sprint(t.connect.Port)), t.connect.Database)
}
