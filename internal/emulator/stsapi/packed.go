package stsapi

import (
	"bytes"
	"compress/flate"
	"net/http"

	"github.com/managedcas/managedcas/internal/emulator/api"
)

// Packed is what AWS packs into a session token under a limit of its own.
type Packed struct {
	Tags       map[string]string // passed and inherited
	Policy     string            // inline session policy
	PolicyARNs []string
}

func (p Packed) empty() bool { return len(p.Tags) == 0 && p.Policy == "" && len(p.PolicyARNs) == 0 }

// packedBudget makes the six session tags of EKS Pod Identity, about 270 bytes, use
// the 74 percent that were measured on AWS (facts AWS §4.4).
const packedBudget = 364

// packedARN is the cost of one managed policy: AWS packs a reference to it only.
const packedARN = 20

// EstimatePackedSize estimates the packed size in percent. AWS does not publish its
// format: this keeps proportions (tags are expensive, ARNs cheap, inline policies in
// between, since they compress well) and is no measure of what fits on AWS.
func EstimatePackedSize(p Packed) int {
	size := len(p.PolicyARNs) * packedARN
	for key, value := range p.Tags {
		size += len(key) + len(value)
	}
	size += deflatedSize(p.Policy) / 2
	return (size*100 + packedBudget - 1) / packedBudget
}

func deflatedSize(text string) int {
	if text == "" {
		return 0
	}
	var out bytes.Buffer
	// Neither a valid level nor a buffer fails.
	w, _ := flate.NewWriter(&out, flate.BestCompression)
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	return out.Len()
}

func packedTooLarge(p Packed, percent int) error {
	what := "session tags"
	switch {
	case len(p.Tags) == 0:
		what = "session policy"
	case p.Policy != "" || len(p.PolicyARNs) > 0:
		what = "session policy and session tags"
	}
	return api.Errorf(http.StatusBadRequest, "PackedPolicyTooLarge",
		"Packed size of %s consumes %d%% of allotted space.", what, percent)
}
