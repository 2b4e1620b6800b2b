package awscloud_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/managedcas/managedcas/internal/awscloud"
	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/emulator"
	"github.com/managedcas/managedcas/internal/emulator/faults"
	"github.com/managedcas/managedcas/internal/emulator/journal"
)

// bubble is an embedded AWS whose clock is the test's, reached without a network.
type bubble struct {
	*emulator.AWS
	calls func(operation string) int
}

func (b bubble) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	arriving := r.Clone(r.Context())
	arriving.RequestURI = r.URL.RequestURI()
	if arriving.Host == "" {
		arriving.Host = r.URL.Host
	}
	if arriving.Body == nil {
		arriving.Body = http.NoBody
	}
	answer := httptest.NewRecorder()
	b.ServeHTTP(answer, arriving)
	return answer.Result(), nil
}

func newBubble(t *testing.T, rates *awscloud.Rates) (bubble, *awscloud.Cloud) {
	t.Helper()
	a, err := emulator.Open(emulator.Config{Dir: t.TempDir(), AccountID: account, Region: region})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	b := bubble{AWS: a, calls: func(operation string) int {
		n := 0
		for _, e := range a.Journal().Entries(journal.Filter{Service: "iam"}) {
			if e.Operation == operation {
				n++
			}
		}
		return n
	}}
	root := a.RootCredentials()
	c, err := awscloud.New(t.Context(), awscloud.Config{
		Region: region, AccountID: account, Endpoint: "http://127.0.0.1:1", Transport: b, Rates: rates,
		Credentials: awscloud.StaticCredentials(root.AccessKeyID, root.SecretAccessKey),
	})
	if err != nil {
		t.Fatal(err)
	}
	return b, c
}

func (b bubble) throttle(t *testing.T, operation string) {
	t.Helper()
	plan := faults.Plan{}
	if operation != "" {
		plan.Rules = []faults.Rule{{Service: "iam", Operation: operation, Kind: faults.Throttle}}
	}
	if err := b.Faults().Replace(plan); err != nil {
		t.Fatal(err)
	}
}

// Four workers that do not give up, as the reconciler's, for ten minutes: AWS is asked
// about once in eleven seconds, and comes back at full rate within a quarter of a minute.
func TestThrottlingIsMetWithFewerCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rates, err := awscloud.NewRates(map[string]cloud.Rate{"iam": {PerSecond: 3, Burst: 10}})
		if err != nil {
			t.Fatal(err)
		}
		b, c := newBubble(t, rates)
		b.throttle(t, "GetAccountSummary")
		stop := time.Now().Add(10 * time.Minute)
		var workers sync.WaitGroup
		for range 4 {
			workers.Go(func() {
				for time.Now().Before(stop) {
					if _, err := c.PolicyUse(t.Context()); !errors.Is(err, cloud.ErrThrottled) {
						t.Errorf("got %v, want cloud.ErrThrottled", err)
					}
					time.Sleep(100 * time.Millisecond)
				}
			})
		}
		workers.Wait()
		// 600 s at 3/32 a second are 56; four were under way at the first refusal, and the
		// rate was halved five times.
		if n := b.calls("GetAccountSummary"); n < 20 || n > 70 {
			t.Errorf("%d calls in ten minutes of throttling, want about 60", n)
		}

		b.throttle(t, "")
		began := time.Now()
		for range 40 {
			if _, err := c.PolicyUse(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		// One at the floor (up to 11 s and a quarter), ten on the way up, the rest at 3 a
		// second.
		if took := time.Since(began); took > 40*time.Second {
			t.Errorf("40 calls after the throttling took %s", took)
		}
		if r := gauge(t, c, "managedcas_aws_rate", "GetAccountSummary"); r != 3 {
			t.Errorf("the rate is %v, want the configured 3", r)
		}
	})
}

// A refusal halves the rate once, however many calls were under way, and other APIs are
// none the worse.
func TestOneAPIIsThrottledAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, c := newBubble(t, nil)
		if err := b.Faults().Replace(faults.Plan{Rules: []faults.Rule{{Service: "iam", Operation: "GetAccountSummary", Kind: faults.Throttle, Count: 1}}}); err != nil {
			t.Fatal(err)
		}
		if _, err := c.PolicyUse(t.Context()); err != nil {
			t.Fatal(err)
		}
		// Half of ten, and the answer of the second attempt.
		if r := gauge(t, c, "managedcas_aws_rate", "GetAccountSummary"); r != 6 {
			t.Errorf("rate %v, want 6", r)
		}
		if _, err := c.Role(t.Context(), "nobody"); !errors.Is(err, cloud.ErrNotFound) {
			t.Fatal(err)
		}
		if r := gauge(t, c, "managedcas_aws_rate", "GetRole"); r != 10 {
			t.Errorf("rate of GetRole %v, want 10", r)
		}
		if n := gauge(t, c, "managedcas_aws_throttles_total", "GetAccountSummary"); n != 1 {
			t.Errorf("%v throttles, want 1", n)
		}
		if n := gauge(t, c, "managedcas_aws_attempts_total", "GetAccountSummary"); n != 2 {
			t.Errorf("%v attempts, want 2", n)
		}
		if n := gauge(t, c, "managedcas_aws_calls_total", "GetRole"); n != 1 {
			t.Errorf("%v calls of GetRole, want 1", n)
		}
	})
}

// Eight calls that are refused together are one reason to slow down, not eight.
func TestCallsUnderWayTogetherCountOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var arrived sync.WaitGroup
		arrived.Add(8)
		var mu sync.Mutex
		sent := 0
		c := over(t, func(*http.Request) (int, string) {
			mu.Lock()
			sent++
			first := sent <= 8
			mu.Unlock()
			if !first {
				return http.StatusInternalServerError, "" // raises nothing
			}
			arrived.Done()
			arrived.Wait()
			return http.StatusServiceUnavailable, ""
		})
		var callers sync.WaitGroup
		for range 8 {
			callers.Go(func() { _, _ = c.Role(t.Context(), "tenant") })
		}
		callers.Wait()
		if r := gauge(t, c, "managedcas_aws_rate", "GetRole"); r != 5 {
			t.Errorf("rate %v, want half of 10", r)
		}
	})
}

// Without throttling, calls keep to the rate as well: what the burst does not cover waits.
func TestRateHolds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rates, err := awscloud.NewRates(map[string]cloud.Rate{"iam": {PerSecond: 100}, "iam.GetAccountSummary": {PerSecond: 2, Burst: 3}})
		if err != nil {
			t.Fatal(err)
		}
		_, c := newBubble(t, rates)
		began := time.Now()
		for range 7 {
			if _, err := c.PolicyUse(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("3 at once and 4 more at 2 a second took %s", took)
		}
		if waited := gauge(t, c, "managedcas_aws_rate_wait_seconds_total", "GetAccountSummary"); waited != 2 {
			t.Errorf("%v s of waiting are counted, want 2", waited)
		}
	})
}

// A call that could not go out in time had no effect, and says that it was throttled; a
// caller that gives up is not kept waiting.
func TestWaitingEndsWithTheCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rates, err := awscloud.NewRates(map[string]cloud.Rate{"iam": {PerSecond: 0.02, Burst: 1}})
		if err != nil {
			t.Fatal(err)
		}
		b, c := newBubble(t, rates)
		if _, err := c.PolicyUse(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := c.PolicyUse(t.Context()); !errors.Is(err, cloud.ErrThrottled) {
			t.Errorf("got %v, want cloud.ErrThrottled: the next token is 50 s away", err)
		}
		if n := b.calls("GetAccountSummary"); n != 1 {
			t.Errorf("%d calls were sent, want 1", n)
		}
	})
}

// An attempt without an answer is repeated after ten seconds, the call ends after thirty.
func TestDeadlines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		attempts := 0
		c, err := awscloud.New(t.Context(), awscloud.Config{
			Region: region, AccountID: account, Credentials: awscloud.StaticCredentials("AKIAEXAMPLE", "secret"),
			Transport: silent(func() { attempts++ }),
		})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		_, err = c.Role(t.Context(), "tenant")
		if !errors.Is(err, cloud.ErrUnavailable) || !strings.Contains(err.Error(), "no answer within 30s") {
			t.Errorf("got %v, want cloud.ErrUnavailable after 30s", err)
		}
		if took := time.Since(began); took != 30*time.Second || attempts < 2 || attempts > 3 {
			t.Errorf("%d attempts in %s, want 2 or 3 in 30s", attempts, took)
		}
	})
}

// silent never answers.
type silent func()

func (s silent) RoundTrip(r *http.Request) (*http.Response, error) {
	s()
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestRatesAreChecked(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		rate cloud.Rate
		ok   bool
	}{
		"iam":                         {cloud.Rate{PerSecond: 0.01, Burst: 1}, true},
		"s3control.CreateAccessPoint": {cloud.Rate{PerSecond: 10_000, Burst: 10_000}, true},
		"sts.AssumeRole":              {cloud.Rate{PerSecond: 1}, true},
		"kms":                         {cloud.Rate{PerSecond: 0.009}, false},
		"sts":                         {cloud.Rate{PerSecond: 10_001}, false},
		"s3control":                   {cloud.Rate{PerSecond: 1, Burst: 10_001}, false},
		"iam.GetRole":                 {cloud.Rate{PerSecond: 1, Burst: -1}, false},
		"iam.CreatePolicys":           {cloud.Rate{PerSecond: 1}, false},
		"s3":                          {cloud.Rate{PerSecond: 1}, false}, // transfers are not paced
		"IAM":                         {cloud.Rate{PerSecond: 1}, false},
		"iam.":                        {cloud.Rate{PerSecond: 1}, false},
	} {
		_, err := awscloud.NewRates(map[string]cloud.Rate{name: row.rate})
		if (err == nil) != row.ok {
			t.Errorf("%s %+v: %v", name, row.rate, err)
		}
		if err != nil && !strings.Contains(err.Error(), name) {
			t.Errorf("%v does not name %s", err, name)
		}
	}
}

// A rate can be configured for every operation that this package calls.
func TestEveryOperationHasARate(t *testing.T) {
	t.Parallel()
	call := regexp.MustCompile(`c\.(iam|control|sts|kms)\.([A-Z]\w+)\(|(iam|control)\.New(\w+)Paginator\(`)
	services := map[string]string{"iam": "iam", "control": "s3control", "sts": "sts", "kms": "kms"}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]cloud.Rate{}
	for _, file := range slices.DeleteFunc(files, func(f string) bool { return strings.HasSuffix(f, "_test.go") }) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range call.FindAllStringSubmatch(string(text), -1) {
			seen[services[m[1]+m[3]]+"."+m[2]+m[4]] = cloud.Rate{PerSecond: 1}
		}
	}
	if len(seen) < 30 {
		t.Fatalf("only %d operations found", len(seen))
	}
	if _, err := awscloud.NewRates(seen); err != nil {
		t.Error(err)
	}
}

// gauge reads one metric of an operation, over all its other labels.
func gauge(t *testing.T, c *awscloud.Cloud, name, operation string) float64 {
	t.Helper()
	return metric(t, c.Collectors(), name, operation)
}
