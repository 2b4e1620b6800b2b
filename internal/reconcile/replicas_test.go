package reconcile_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/managedcas/managedcas/internal/awscloud"
	"github.com/managedcas/managedcas/internal/database"
	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/emulator/journal"
	"github.com/managedcas/managedcas/internal/jobs"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/reconcile"
	"github.com/managedcas/managedcas/internal/secretstore"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// replicaVariable makes the test binary be a replica of the backend instead.
const replicaVariable = "TEST_REPLICA"

// replicaConfig is all that a replica has from the outside.
type replicaConfig struct {
	Installation                    tenancy.Installation
	Endpoint, Credentials, Password string
	Database                        string
}

func TestMain(m *testing.M) {
	if text := os.Getenv(replicaVariable); text != "" {
		if err := runReplica([]byte(text)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	databasetest.Main(m, database.Migrate)
}

func runReplica(text []byte) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	var cfg replicaConfig
	if err := json.Unmarshal(text, &cfg); err != nil {
		return err
	}
	db, err := database.Open(ctx, cfg.Database)
	if err != nil {
		return err
	}
	aws, err := awscloud.New(ctx, awscloud.Config{
		Region: cfg.Installation.Region, AccountID: cfg.Installation.AccountID, Endpoint: cfg.Endpoint,
		Credentials: awscloud.ContainerCredentials(cfg.Credentials, cfg.Password),
	})
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	return reconcile.New(reconcile.Config{
		Installation: cfg.Installation, AccessPoints: aws, Policies: aws, Roles: aws, Listings: aws, Memory: db,
		Organizations: db, Secrets: secretstore.NewDatabase(db), Interval: time.Hour, Standing: db,
		Jobs: jobs.NewWorkers(db.Queue(), db, log), Log: log,
	}).Run(ctx)
}

// TestKilledReplica creates 60 organizations, and more until it is over, while two replicas
// work, and kills one of them, a process, while it has jobs in hand. The other finishes them: nothing is made
// twice, nothing is forgotten, and nobody waits long.
func TestKilledReplica(t *testing.T) {
	t.Parallel()
	target := databasetest.Postgres(t)
	w := newWorldOn(t, target)
	replica := w.startReplica(t, target)
	conn, err := pgx.Connect(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	var name string
	eventually(t, func() bool { return conn.QueryRow(t.Context(), "SELECT id FROM job_workers").Scan(&name) == nil })

	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	survivor := w.reconciler(t, w.network, w.reported)
	go func() { ended <- survivor.Run(ctx) }()
	var ids []org.ID
	var creating sync.WaitGroup
	dying, stopCreating := context.WithCancel(t.Context())
	defer stopCreating()
	creating.Go(func() {
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for dying.Err() == nil || len(ids) < 60 {
			if len(ids) >= 60 { // the survivor is faster: the other must have something to die with
				<-tick.C
			}
			id := org.NewID()
			o := org.Organization{ID: id, Name: org.Name("o-" + id.Compact()), State: org.Pending, CreatedAt: time.Now()}
			if err := w.db.CreateOrganization(t.Context(), o); err != nil {
				t.Error(err)
				return
			}
			ids = append(ids, id)
		}
	})
	killed := w.killInTheMiddle(t, conn, replica, name)
	stopCreating()
	creating.Wait()
	for _, id := range ids {
		w.await(t, id, org.Ready)
	}
	// A job may have been done and only not reported yet: it is taken over all the same.
	var takenOver int
	var last *time.Time
	eventually(t, func() bool {
		const count = "SELECT count(*), max(attempted_at) FROM river_job WHERE errors::text LIKE '%the worker ended%'"
		if err := conn.QueryRow(t.Context(), count).Scan(&takenOver, &last); err != nil {
			t.Fatal(err)
		}
		return takenOver > 0
	})
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	took := last.Sub(killed)
	t.Logf("%d jobs of the killed replica were taken over; the last began %s after its death", takenOver, took.Round(time.Millisecond))
	if took > time.Minute { // River itself would take two
		t.Errorf("the last job was taken over after %s", took)
	}
	for _, operation := range []string{"CreateAccessPoint", "CreatePolicy"} {
		made := map[string]int{}
		for _, entry := range w.aws.Journal().Entries(journal.Filter{Operation: operation}) {
			if strings.Contains(entry.Caller, w.in.BackendRoleName) && entry.Status < 300 {
				made[entry.Resource]++
			}
		}
		if len(made) != len(ids) {
			t.Errorf("%s: %d resources, want %d", operation, len(made), len(ids))
		}
		for resource, n := range made {
			if n != 1 {
				t.Errorf("%s of %s: %d times", operation, resource, n)
			}
		}
	}
}

// startReplica starts a replica as a process of its own.
func (w *world) startReplica(t *testing.T, target string) *os.Process {
	t.Helper()
	text, err := json.Marshal(replicaConfig{
		Installation: w.in, Endpoint: w.endpoint, Credentials: w.endpoint + w.access.Path, Password: w.access.AuthorizationToken, Database: target,
	})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), replicaVariable+"="+string(text))
	cmd.Stderr = t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd.Process
}

// killInTheMiddle kills a replica that has jobs in hand: it is held still until that is
// certain. It returns the time on the database's clock.
func (w *world) killInTheMiddle(t *testing.T, conn *pgx.Conn, replica *os.Process, name string) (at time.Time) {
	t.Helper()
	eventually(t, func() bool {
		var done, inHand int
		const count = "SELECT count(*) FILTER (WHERE state = 'completed'), count(*) FILTER (WHERE state = 'running') FROM river_job WHERE attempted_by[array_upper(attempted_by, 1)] = $1"
		if err := conn.QueryRow(t.Context(), count, name).Scan(&done, &inHand); err != nil {
			t.Fatal(err)
		}
		if done < 10 || inHand == 0 {
			return false
		}
		if err := replica.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		if err := conn.QueryRow(t.Context(), count, name).Scan(&done, &inHand); err != nil {
			t.Fatal(err)
		}
		if inHand > 0 {
			return true
		}
		if err := replica.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		return false
	})
	if err := conn.QueryRow(t.Context(), "SELECT now()").Scan(&at); err != nil {
		t.Fatal(err)
	}
	if err := replica.Kill(); err != nil {
		t.Fatal(err)
	}
	return at
}
