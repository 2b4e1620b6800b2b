package s3api

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/managedcas/managedcas/internal/emulator/blob"
)

func abortRule(id, status, filter, days string) string {
	return `<Rule><ID>` + id + `</ID><Status>` + status + `</Status>` + filter + `<AbortIncompleteMultipartUpload><DaysAfterInitiation>` + days + `</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule>`
}

// Incomplete uploads end when their rule says so, and their bytes with them
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpu-abort-incomplete-mpu-lifecycle-config.html).
func TestIncompleteUploadsAreAborted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.put(w.root, "/shared?lifecycle", `<LifecycleConfiguration>`+
			abortRule("late", "Enabled", "<Filter><Prefix>org/</Prefix></Filter>", "5")+
			abortRule("soon", "Enabled", "<Filter><Prefix>org/a</Prefix></Filter>", "2")+
			abortRule("off", "Disabled", "<Filter/>", "1")+`</LifecycleConfiguration>`).is(t, 200, "")
		start := time.Now() // midnight UTC, 2000-01-01
		time.Sleep(90 * time.Minute)
		soon, late, never := w.begin("org/a"), w.begin("org/b"), w.begin("other")
		for _, upload := range []string{soon, late, never} {
			w.part(upload, 1, []byte("x")).is(t, 200, "")
		}
		listed := w.get(w.root, soon)
		if got, want := listed.Header.Get("X-Amz-Abort-Date"), start.AddDate(0, 0, 3).UTC().Format("Mon, 02 Jan 2006")+" 00:00:00 GMT"; got != want || listed.Header.Get("X-Amz-Abort-Rule-Id") != "soon" {
			t.Errorf("abort date %q, want %q; %v", got, want, listed.Header)
		}
		status := func(upload string) int { return w.get(w.root, upload).Status }
		after := func(d time.Duration, soonIs, lateIs int) {
			t.Helper()
			time.Sleep(time.Until(start.Add(d)))
			synctest.Wait()
			if a, b, c := status(soon), status(late), status(never); a != soonIs || b != lateIs || c != 200 {
				t.Errorf("after %v: %d %d %d, want %d %d 200", d, a, b, c, soonIs, lateIs)
			}
		}
		after(3*24*time.Hour-time.Minute, 200, 200)
		after(3*24*time.Hour+time.Hour+time.Minute, 404, 200)
		w.close()
		time.Sleep(3 * 24 * time.Hour)
		w.open() // what fell due meanwhile is done at the start
		synctest.Wait()
		after(6*24*time.Hour+2*time.Hour, 404, 404)
		w.do(w.root, "DELETE", never, "").is(t, 204, "")
		if removed, err := w.svc.blobs.Sweep(func(blob.ID) bool { return false }); err != nil || removed != 0 {
			t.Errorf("%d blobs were left, %v", removed, err)
		}
	})
}

// An upload has neither tags nor a size to filter by.
func TestAbortRulesFilterByPrefix(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, filter := range []string{
		"<Filter><Tag><Key>a</Key><Value>1</Value></Tag></Filter>", "<Filter><ObjectSizeGreaterThan>1</ObjectSizeGreaterThan></Filter>",
		"<Filter><And><Prefix>a</Prefix><Tag><Key>a</Key><Value>1</Value></Tag></And></Filter>",
	} {
		got := w.put(w.root, "/shared?lifecycle", "<LifecycleConfiguration>"+abortRule("r", "Enabled", filter, "1")+"</LifecycleConfiguration>")
		got.is(t, 400, "InvalidRequest")
		if !strings.Contains(got.Body, "AbortIncompleteMultipartUpload") {
			t.Errorf("%s", got.Body)
		}
	}
}
