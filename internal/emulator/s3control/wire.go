package s3control

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/s3state"
)

// The shapes of the S3 Control API, version 2018-08-20 (facts AWS §1.2).

type errorResponse struct {
	XMLName   xml.Name  `xml:"ErrorResponse"`
	Error     errorBody `xml:"Error"`
	RequestID string    `xml:"RequestId"`
}

type errorBody struct {
	Code    string
	Message string
}

// unknown collects the elements that a request shape does not name.
type unknown []struct{ XMLName xml.Name }

type vpcConfiguration struct {
	VpcID string `xml:"VpcId"`
}

type blockConfiguration struct {
	BlockPublicAcls       bool
	IgnorePublicAcls      bool
	BlockPublicPolicy     bool
	RestrictPublicBuckets bool
}

type tag struct {
	Key   string
	Value string
}

type tagList struct {
	Tags []tag `xml:"Tag"`
}

type createAccessPointRequest struct {
	Bucket            string
	BucketAccountID   string              `xml:"BucketAccountId"`
	VPC               *vpcConfiguration   `xml:"VpcConfiguration"`
	PublicAccessBlock *blockConfiguration `xml:"PublicAccessBlockConfiguration"`
	Tags              tagList
	Unknown           unknown `xml:",any"`
}

type createAccessPointResult struct {
	XMLName        xml.Name `xml:"http://awss3control.amazonaws.com/doc/2018-08-20/ CreateAccessPointResult"`
	AccessPointArn string
	Alias          string
}

// accessPointSummary is an access point as listings show it.
type accessPointSummary struct {
	Name            string
	NetworkOrigin   string
	VPC             *vpcConfiguration `xml:"VpcConfiguration"`
	Bucket          string
	AccessPointArn  string
	Alias           string
	BucketAccountID string `xml:"BucketAccountId"`
}

type listAccessPointsResult struct {
	XMLName      xml.Name             `xml:"http://awss3control.amazonaws.com/doc/2018-08-20/ ListAccessPointsResult"`
	AccessPoints []accessPointSummary `xml:"AccessPointList>AccessPoint"`
	NextToken    string               `xml:",omitempty"`
}

type endpoint struct {
	Key   string `xml:"key"`
	Value string `xml:"value"`
}

type getAccessPointResult struct {
	XMLName xml.Name `xml:"http://awss3control.amazonaws.com/doc/2018-08-20/ GetAccessPointResult"`
	accessPointSummary
	PublicAccessBlock blockConfiguration `xml:"PublicAccessBlockConfiguration"`
	CreationDate      string
	Endpoints         []endpoint `xml:"Endpoints>entry"`
}

type putPolicyRequest struct {
	Policy  string
	Unknown unknown `xml:",any"`
}

type getPolicyResult struct {
	XMLName xml.Name `xml:"http://awss3control.amazonaws.com/doc/2018-08-20/ GetAccessPointPolicyResult"`
	Policy  string
}

type getPolicyStatusResult struct {
	XMLName  xml.Name `xml:"http://awss3control.amazonaws.com/doc/2018-08-20/ GetAccessPointPolicyStatusResult"`
	IsPublic bool     `xml:"PolicyStatus>IsPublic"`
}

type tagResourceRequest struct {
	Tags    tagList
	Unknown unknown `xml:",any"`
}

type listTagsResult struct {
	XMLName xml.Name `xml:"http://awss3control.amazonaws.com/doc/2018-08-20/ ListTagsForResourceResult"`
	Tags    tagList
}

type accountBlock struct {
	XMLName xml.Name `xml:"http://awss3control.amazonaws.com/doc/2018-08-20/ PublicAccessBlockConfiguration"`
	blockConfiguration
}

type putAccountBlockRequest struct {
	blockConfiguration
	Unknown unknown `xml:",any"`
}

func summary(ap s3state.AccessPoint) accessPointSummary {
	out := accessPointSummary{
		Name:            ap.Name,
		NetworkOrigin:   ap.NetworkOrigin(),
		Bucket:          ap.Bucket,
		AccessPointArn:  ap.ARN(),
		Alias:           ap.Alias,
		BucketAccountID: ap.BucketAccountID,
	}
	if ap.VpcID != "" {
		out.VPC = &vpcConfiguration{VpcID: ap.VpcID}
	}
	return out
}

// detail is what GetAccessPoint answers. The hosts are those of AWS, as a client
// that asks for them expects; in the embedded AWS all of them lead to its one port.
func detail(ap s3state.AccessPoint) getAccessPointResult {
	suffix := ap.Region + ".amazonaws.com"
	return getAccessPointResult{
		accessPointSummary: summary(ap),
		PublicAccessBlock:  blockConfiguration(ap.PublicAccessBlock),
		CreationDate:       ap.Created.UTC().Format(time.RFC3339),
		Endpoints: []endpoint{
			{"ipv4", "s3-accesspoint." + suffix},
			{"dualstack", "s3-accesspoint.dualstack." + suffix},
			{"fips", "s3-accesspoint-fips." + suffix},
			{"fips_dualstack", "s3-accesspoint-fips.dualstack." + suffix},
		},
	}
}

// decode reads the body as one element called root. Trailing data is refused, so
// that no two readers of the body can disagree about it.
func decode(body []byte, root string, into any) error {
	d := xml.NewDecoder(bytes.NewReader(body))
	for {
		t, err := d.Token()
		if err != nil {
			return malformedXML(err)
		}
		start, ok := t.(xml.StartElement)
		if !ok {
			continue
		}
		if start.Name.Local != root {
			return malformedXML(fmt.Errorf("expected element %s, found %s", root, start.Name.Local))
		}
		if err := d.DecodeElement(into, &start); err != nil {
			return malformedXML(err)
		}
		break
	}
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return malformedXML(err)
		}
		if _, ok := t.(xml.StartElement); ok {
			return malformedXML(errors.New("more than one root element"))
		}
	}
}

// refuse answers a request that uses what the embedded AWS does not have.
func (u unknown) refuse(operation string) error {
	if len(u) == 0 {
		return nil
	}
	return api.NotImplemented("s3control", operation+" with element "+u[0].XMLName.Local)
}
