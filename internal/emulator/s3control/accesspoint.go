package s3control

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"strings"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/gate"
	"github.com/managedcas/managedcas/internal/emulator/pagetoken"
	"github.com/managedcas/managedcas/internal/emulator/s3state"
	"github.com/managedcas/managedcas/internal/emulator/state"
)

// maxPage is the largest page of ListAccessPoints (facts AWS §1.2).
const maxPage = 1000

func (s *Service) getAccessPoint(ctx context.Context, c *call) (any, error) {
	ap, err := s.authorized(ctx, c, "s3:GetAccessPoint", c.param)
	if err != nil {
		return nil, err
	}
	return detail(ap), nil
}

func (s *Service) deleteAccessPoint(ctx context.Context, c *call) (any, error) {
	if _, err := s.authorized(ctx, c, "s3:DeleteAccessPoint", c.param); err != nil {
		return nil, err
	}
	err := s.change(c.param, func(tx state.Tx, key string, ap s3state.AccessPoint) error {
		if err := s3state.Aliases.Delete(tx, ap.Alias); err != nil {
			return err
		}
		return s3state.AccessPoints.Delete(tx, key)
	})
	if err != nil {
		return nil, err
	}
	s.cfg.Log.InfoContext(ctx, "access point deleted", slog.String("name", c.param))
	return nil, nil
}

// change runs fn on the access point as it is now: what authorized saw may be gone.
func (s *Service) change(name string, fn func(tx state.Tx, key string, ap s3state.AccessPoint) error) error {
	return s.cfg.DB.Update(func(tx state.Tx) error {
		key := s3state.AccessPointKey(s.cfg.AccountID, name)
		ap, err := s3state.AccessPoints.Get(tx, key)
		if errors.Is(err, state.ErrNotFound) {
			return noSuchAccessPoint()
		}
		if err != nil {
			return err
		}
		return fn(tx, key, ap)
	})
}

func (s *Service) listAccessPoints(ctx context.Context, c *call) (any, error) {
	if c.query.Get("dataSourceId") != "" {
		return nil, api.NotImplemented("s3control", "ListAccessPoints with dataSourceId")
	}
	// "ALL" adds access points of other storage services, of which there are none.
	if t := c.query.Get("dataSourceType"); t != "" && t != "ALL" {
		return nil, api.NotImplemented("s3control", "ListAccessPoints with dataSourceType="+t)
	}
	size, err := pageSize(c.query.Get("maxResults"))
	if err != nil {
		return nil, err
	}
	from, err := parseToken(c.query.Get("nextToken"))
	if err != nil {
		return nil, err
	}
	check := gate.Check{Action: "s3:ListAccessPoints", Resource: "*", Account: s.cfg.AccountID}
	if err := s.authorize(ctx, c, check); err != nil {
		return nil, err
	}
	var out listAccessPointsResult
	bucket, prefix := c.query.Get("bucket"), s3state.AccessPointKey(s.cfg.AccountID, "")
	err = s.cfg.DB.View(func(tx state.Tx) error {
		return s3state.AccessPoints.Scan(tx, prefix+from, func(key string, ap s3state.AccessPoint) (bool, error) {
			if !strings.HasPrefix(key, prefix) {
				return false, nil
			}
			if bucket != "" && ap.Bucket != bucket {
				return true, nil
			}
			if len(out.AccessPoints) == size {
				out.NextToken = formatToken(ap.Name)
				return false, nil
			}
			out.AccessPoints = append(out.AccessPoints, summary(ap))
			return true, nil
		})
	})
	return out, err
}

func pageSize(text string) (int, error) {
	if text == "" {
		return maxPage, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > maxPage {
		return 0, invalidRequest("maxResults must be a number from 0 to %d", maxPage)
	}
	if n == 0 {
		return maxPage, nil
	}
	return n, nil
}

// A nextToken is of the first name of the next page.
func formatToken(name string) string { return pagetoken.Make("s3control", name) }

func parseToken(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	name, ok := pagetoken.Read("s3control", text)
	if !ok {
		return "", invalidRequest("nextToken is not one that ListAccessPoints returned")
	}
	return name, nil
}
