// Package databasetest gives tests databases of both engines: SQLite files, and
// databases on a PostgreSQL that the test binary starts for itself and takes down again.
//
// A package that uses it has one line more:
//
//	func TestMain(m *testing.M) { databasetest.Main(m, database.Migrate) }
package databasetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// cluster is a running PostgreSQL. It listens on a unix socket in its own directory, so
// that it needs no port and nobody else reaches it.
type cluster struct {
	dir     string
	process *os.Process
	ended   chan error
}

// waitDelay is how long a process that has ended is waited for when others of its own still
// hold its output.
const waitDelay = time.Minute

// patience is how long the server may take to come up: other tests have the processors too.
const patience = 2 * time.Minute

// binaries returns the directory of PostgreSQL's programs, the newest as Debian lays
// them out, or else where PATH has them.
func binaries() (string, error) {
	if found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb"); len(found) > 0 {
		newest := slices.MaxFunc(found, func(a, b string) int { return versionOf(a) - versionOf(b) })
		return filepath.Dir(newest), nil
	}
	path, err := exec.LookPath("initdb")
	if err != nil {
		return "", errors.New("there is no PostgreSQL on this machine: make packages installs Debian's")
	}
	return filepath.Dir(path), nil
}

func versionOf(initdb string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(initdb))))
	return n
}

// start makes a cluster in a new directory and waits until it answers.
func start(ctx context.Context) (_ *cluster, err error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "pg-*")
	if err != nil {
		return nil, err
	}
	c := &cluster{dir: dir, ended: make(chan error, 1)}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.stop())
		}
	}()
	who, err := owner(dir)
	if err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "data")
	initdb := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
	initdb.Dir, initdb.SysProcAttr = dir, who
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	postgres := exec.Command(filepath.Join(bin, "postgres"), "-D", data, "-k", dir,
		"-c", "listen_addresses=", "-c", "max_connections=400", "-c", "shared_buffers=64MB",
		// Nothing here outlives the test.
		"-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")
	var log bytes.Buffer
	postgres.Dir, postgres.SysProcAttr, postgres.Stdout, postgres.Stderr = dir, who, &log, &log
	postgres.SysProcAttr = endingWithParent(*who)
	postgres.WaitDelay = waitDelay
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // the signal comes when the thread ends that started the server
		err := postgres.Start()
		started <- err
		if err == nil {
			c.ended <- postgres.Wait()
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	c.process = postgres.Process
	if err := c.await(ctx); err != nil {
		return nil, errors.Join(err, c.stop(), errors.New(log.String()))
	}
	return c, nil
}

// owner gives dir to the account that the server runs as: PostgreSQL refuses to be root.
func owner(dir string) (*syscall.SysProcAttr, error) {
	if os.Geteuid() != 0 {
		return &syscall.SysProcAttr{}, nil
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		account, err = user.Lookup("nobody")
	}
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(account.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(account.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	credential := &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return &syscall.SysProcAttr{Credential: credential}, os.Chown(dir, int(uid), int(gid))
}

// await waits until the server answers.
func (c *cluster) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := pgx.Connect(ctx, c.url("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("PostgreSQL does not come up: %w", err)
		case ended := <-c.ended:
			c.ended <- ended
			return fmt.Errorf("PostgreSQL ended: %w", ended)
		case <-tick.C:
		}
	}
}

func (c *cluster) url(database string) string {
	return "postgres://postgres@/" + database + "?host=" + c.dir
}

// stop ends the server at once, whoever is connected, and removes all it had.
func (c *cluster) stop() error {
	if c.process != nil {
		if err := c.process.Signal(syscall.SIGQUIT); err == nil {
			<-c.ended // SIGQUIT is an immediate shutdown: it does not report success
		}
	}
	return os.RemoveAll(c.dir)
}
