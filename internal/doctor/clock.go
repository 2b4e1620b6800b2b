package doctor

import (
	"errors"
	"fmt"
	"time"

	"github.com/managedcas/managedcas/internal/cloud"
)

// AWS refuses signatures whose time is 5 minutes from its own, S3 15 (AWS General Reference,
// "Troubleshooting Signature Version 4"; S3 API Reference, RequestTimeTooSkewed). Before that
// tokens of ours, which live for two minutes, are refused on another machine.
const (
	skewFailed  = 5 * time.Minute
	skewWarning = time.Minute
)

func clockSkew(o Observation) ([]Finding, error) {
	if errors.Is(o.silent, cloud.ErrNoCredentials) {
		return nil, o.silent
	}
	if o.ClockAhead.Err != nil {
		return nil, o.ClockAhead.Err
	}
	ahead := o.ClockAhead.Value
	skew, side := ahead.Abs(), "ahead of"
	if ahead < 0 {
		side = "behind"
	}
	if skew < skewWarning {
		return nil, nil
	}
	f := Finding{
		Code: "clock-skew", Status: Warning,
		What:        fmt.Sprintf("the clock of this machine is %s %s AWS's", skew.Round(time.Second), side),
		Evidence:    "the Date of an answer of STS",
		Consequence: "tokens for the CAS, which live for two minutes, may count as expired or as not yet valid",
		Fix:         Fix{Text: "have the node's clock kept by NTP; on AWS chrony asks 169.254.169.123"},
	}
	if skew >= skewFailed {
		f.Status = Failed
		f.Consequence = "AWS refuses what is signed with this clock: no credentials, no session"
	}
	return []Finding{f}, nil
}
