package s3api

import (
	"context"
	"encoding/xml"
	"net/http"
	"strconv"
	"strings"

	"github.com/managedcas/managedcas/internal/emulator/gate"
	"github.com/managedcas/managedcas/internal/emulator/s3state"
	"github.com/managedcas/managedcas/internal/emulator/state"
)

// maxBuckets is the largest page of ListBuckets
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html).
const maxBuckets = 10_000

type listBucketsResult struct {
	XMLName           xml.Name        `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListAllMyBucketsResult"`
	Buckets           []bucketSummary `xml:"Buckets>Bucket"`
	Owner             owner
	ContinuationToken string `xml:",omitempty"`
	Prefix            string `xml:",omitempty"`
}

type bucketSummary struct {
	Name         string
	CreationDate string
	BucketRegion string
}

func (s *Service) listBuckets(ctx context.Context, c *call) error {
	check := gate.Check{Action: "s3:ListAllMyBuckets", Resource: "arn:aws:s3:::*", Account: s.cfg.AccountID}
	c.req.Resource = check.Resource
	if err := s.cfg.Gate.Authorize(ctx, c.req.Caller, check); err != nil {
		return err
	}
	limit, err := pageSize(c.query.Get("max-buckets"), "max-buckets", maxBuckets)
	if err != nil {
		return err
	}
	after, err := c.afterToken()
	if err != nil {
		return err
	}
	region, prefix := c.query.Get("bucket-region"), c.query.Get("prefix")
	out := listBucketsResult{Owner: s.owner(), Prefix: prefix}
	err = s.cfg.DB.View(func(tx state.Tx) error {
		return s3state.Buckets.Scan(tx, max(after, prefix), func(name string, b s3state.Bucket) (bool, error) {
			switch {
			case !strings.HasPrefix(name, prefix):
				return false, nil
			case name == after && after != "" || region != "" && b.Region != region:
				return true, nil
			case len(out.Buckets) >= max(limit, 1):
				out.ContinuationToken = c.toToken(out.Buckets[len(out.Buckets)-1].Name)
				return false, nil
			}
			out.Buckets = append(out.Buckets, bucketSummary{name, timestamp(b.Created), b.Region})
			return true, nil
		})
	})
	if err != nil {
		return err
	}
	return writeXML(c.w, http.StatusOK, out)
}

// pageSize reads the size of a page. More than most is given as most, as AWS does.
func pageSize(text, name string, most int) (int, error) {
	if text == "" {
		return most, nil
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return 0, invalidArgument(name, text, "Provided "+name+" not an integer or within integer range")
	}
	if n < 0 {
		return 0, invalidArgument(name, text, "Argument "+name+" must be an integer between 0 and 2147483647")
	}
	return min(int(n), most), nil
}
