// Command demo shows the whole system on one machine: two organizations get their
// storage, real files go in and come out, and those who should not reach them try.
// Every step is checked; the exit code is 0 only if everything was as it should be.
//
//	make demo            run it, and clean up
//	make demo KEEP=1     leave it running and say how to look around
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// limit ends a demo that hangs. On an idle laptop it takes a few seconds.
const limit = 15 * time.Minute

func main() {
	bin := flag.String("bin", "bin", "directory of managedcas and managedcasd")
	tools := flag.String("tools", "bin/tools", "directory of cyclonedx-gomod")
	keep := flag.Bool("keep", false, "leave everything running until Ctrl-C, and say how to look around")
	flag.Parse()

	// SIGHUP: closing the terminal must not leave a server behind.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	err := run(ctx, newPrinter(os.Stdout), *bin, *tools, *keep)
	stop()
	if err != nil {
		os.Exit(1)
	}
}

// demo is what the chapters share.
type demo struct {
	out   *printer
	bin   string // directory of the programs
	tools string // directory of cyclonedx-gomod
	dir   string // temporary, removed at the end
	dev   *dev

	acme, globex organization
	artifacts    []artifact // of acme
}

// chapters are told in this order; each relies on those before it.
var chapters = []struct {
	title string
	tell  func(*demo, context.Context) error
}{
	{"One process: an AWS that enforces its policies, and the three server roles", (*demo).start},
	{"Two organizations, each with storage of its own", (*demo).createOrganizations},
	{"What acme has got in AWS", (*demo).showTenant},
	{"Real files go in", (*demo).upload},
	{"In the bucket: encrypted, under acme's prefix", (*demo).showObjects},
	{"And come out as they were", (*demo).download},
	{"What must not work, and the statement that decided", (*demo).attack},
	{"A base role that is set up wrongly", (*demo).breakTrust},
	{"A forged digest", (*demo).forge},
}

func run(ctx context.Context, out *printer, bin, tools string, keep bool) (err error) {
	begin := time.Now()
	d := &demo{out: out, bin: bin, tools: tools}
	if d.dir, err = os.MkdirTemp("", "managedcas-demo-*"); err != nil {
		return out.failure(err, "")
	}
	defer os.RemoveAll(d.dir)
	d.dev = &dev{program: filepath.Join(bin, "managedcasd"), dir: d.dir}
	defer d.dev.kill()

	if err := d.tell(ctx); err != nil {
		if ctx.Err() != nil {
			return out.failure(errors.New("interrupted"), "")
		}
		d.dev.kill() // its last words are in the log then
		return out.failure(err, d.dev.lastWords())
	}
	out.success(fmt.Sprintf("Everything was as it should be, in %s.", seconds(time.Since(begin))))
	if keep {
		d.lookAround()
		err = d.dev.wait(ctx)
	}
	if err == nil {
		err = d.dev.stop()
	}
	if err != nil {
		return out.failure(err, d.dev.lastWords())
	}
	return nil
}

func (d *demo) tell(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not done after %s", limit))
	defer cancel()
	for i, c := range chapters {
		d.out.chapter(i+1, c.title)
		if err := c.tell(d, ctx); err != nil {
			if cause := context.Cause(ctx); cause != nil {
				err = fmt.Errorf("%w: %w", cause, err)
			}
			return err
		}
	}
	return nil
}

// unexpected is the error of a step whose result is not what it should be.
func unexpected(what, want, got string) error {
	return fmt.Errorf("%s\nexpected: %s\nhappened: %s", what, want, got)
}
