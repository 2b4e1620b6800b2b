package s3api

import (
	"context"
	"encoding/xml"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/managedcas/managedcas/internal/emulator/s3state"
	"github.com/managedcas/managedcas/internal/emulator/state"
)

// housekeepingInterval is how often lifecycle rules are carried out; the first time is
// when the service opens. AWS does it once a day, after midnight UTC.
const housekeepingInterval = time.Hour

// keepHouse carries out lifecycle rules until stop is called, which waits for the end.
func (s *Service) keepHouse() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		tick := time.NewTicker(housekeepingInterval)
		defer tick.Stop()
		for {
			if err := s.abortIncomplete(time.Now()); err != nil {
				s.cfg.Log.Error("carrying out lifecycle rules failed; it is tried again in an hour", slog.Any("error", err))
			}
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	})
	return func() {
		cancel()
		done.Wait()
	}
}

// Close ends what runs beside requests. It does not close the DB.
func (s *Service) Close() error {
	s.stop()
	s.blobs.Close()
	s.md5s.close()
	return nil
}

// abortIncomplete aborts the uploads whose time is over by a rule of their bucket.
func (s *Service) abortIncomplete(now time.Time) error {
	var buckets []string
	err := s.cfg.DB.View(func(tx state.Tx) error {
		return s3state.Buckets.Scan(tx, "", func(name string, b s3state.Bucket) (bool, error) {
			if len(b.Lifecycle) > 0 {
				buckets = append(buckets, name)
			}
			return true, nil
		})
	})
	if err != nil {
		return fmt.Errorf("find the buckets with lifecycle rules: %w", err)
	}
	for _, bucket := range buckets {
		if err := s.abortIncompleteIn(bucket, now); err != nil {
			return fmt.Errorf("abort incomplete uploads of bucket %s: %w", bucket, err)
		}
	}
	return nil
}

func (s *Service) abortIncompleteIn(bucket string, now time.Time) error {
	var removed []pieces
	err := s.cfg.DB.Update(func(tx state.Tx) error {
		removed = nil
		b, err := s3state.Buckets.Get(tx, bucket)
		if err != nil {
			return known(err, noSuchBucket(bucket))
		}
		removed, err = dropUploads(tx, bucket, func(key string, u upload) bool {
			due, _ := abortDate(b.Lifecycle, key, u.Begun)
			return !due.IsZero() && !now.Before(due)
		})
		return err
	})
	if err != nil {
		return err
	}
	for _, p := range removed {
		s.discard(p)
	}
	if len(removed) > 0 {
		s.cfg.Log.Info("aborted incomplete uploads by a lifecycle rule", slog.String("bucket", bucket), slog.Int("uploads", len(removed)))
	}
	return nil
}

// abortDate returns when an upload is aborted by the earliest of the rules of a
// lifecycle configuration, and the rule's id; the zero time for never.
func abortDate(configuration []byte, key string, begun time.Time) (due time.Time, rule string) {
	var in lifecycle
	if len(configuration) == 0 || xml.Unmarshal(configuration, &in) != nil {
		return time.Time{}, ""
	}
	for _, r := range in.Rules {
		if r.AbortIncompleteMultipartUpload == nil || r.Status != "Enabled" || !strings.HasPrefix(key, r.prefix()) {
			continue
		}
		at := nextMidnight(begun.AddDate(0, 0, int(r.AbortIncompleteMultipartUpload.DaysAfterInitiation)))
		if due.IsZero() || at.Before(due) {
			due, rule = at, r.ID
		}
	}
	return due, rule
}

// nextMidnight rounds up as S3 does with the days of lifecycle rules:
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html.
func nextMidnight(t time.Time) time.Time {
	day := t.UTC().Truncate(24 * time.Hour)
	if day.Equal(t) {
		return day
	}
	return day.AddDate(0, 0, 1)
}

// prefix returns what the keys of a rule begin with, "" for all keys.
func (rule lifecycleRule) prefix() string {
	switch f := rule.Filter; {
	case rule.Prefix != nil:
		return *rule.Prefix
	case f != nil && f.Prefix != nil:
		return *f.Prefix
	case f != nil && f.And != nil && f.And.Prefix != nil:
		return *f.And.Prefix
	}
	return ""
}

// tellAbortDate says when the upload will be aborted, if a rule says so.
func (c *call) tellAbortDate(u upload) {
	due, rule := abortDate(c.target.bucket.Lifecycle, c.target.key, u.Begun)
	if due.IsZero() {
		return
	}
	h := c.w.Header()
	h.Set("X-Amz-Abort-Date", due.Format(http.TimeFormat))
	if rule != "" {
		h.Set("X-Amz-Abort-Rule-Id", rule)
	}
}
