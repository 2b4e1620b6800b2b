package s3control_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3control"
	"github.com/aws/aws-sdk-go-v2/service/s3control/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/managedcas/managedcas/internal/emulator/api"
)

// client returns AWS's own client of the service. Signatures are not checked here;
// that is the frame's work.
func (w *world) client() *sdk.Client {
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		req := &api.Request{ID: "REQ", Service: "s3control", Operation: w.svc.Operation(r), Caller: w.root, Region: region, Body: r.Body}
		if err := w.svc.Serve(rw, r.WithContext(api.WithRequest(r.Context(), req)), req); err != nil {
			aerr, ok := errors.AsType[*api.Error](err)
			if !ok {
				w.t.Errorf("%s: %v", req.Operation, err)
				aerr = api.Errorf(http.StatusInternalServerError, "InternalError", "%v", err)
			}
			w.svc.WriteError(rw, r, req.ID, aerr)
		}
	}))
	w.t.Cleanup(server.Close)
	// The SDK puts the account before any host name, so the name is not to be resolved.
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
	}
	transport := &http.Transport{DialContext: dial}
	w.t.Cleanup(transport.CloseIdleConnections)
	return sdk.New(sdk.Options{
		Region:       region,
		BaseEndpoint: aws.String("http://s3.localhost"),
		Credentials:  credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
		HTTPClient:   &http.Client{Transport: transport},
		Retryer:      aws.NopRetryer{},
	})
}

// AWS's own client understands every answer.
func TestSDK(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, ctx := w.client(), t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	made, err := c.CreateAccessPoint(ctx, &sdk.CreateAccessPointInput{
		AccountId: aws.String(account), Name: aws.String("cas-a"), Bucket: aws.String("shared"),
		PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{BlockPublicPolicy: aws.Bool(true), BlockPublicAcls: aws.Bool(true)},
		Tags:                           []types.Tag{{Key: aws.String("org"), Value: aws.String("a b")}},
	})
	must(err)
	got, err := c.GetAccessPoint(ctx, &sdk.GetAccessPointInput{AccountId: aws.String(account), Name: aws.String("cas-a")})
	must(err)
	if aws.ToString(got.Alias) != aws.ToString(made.Alias) || aws.ToString(got.AccessPointArn) != apARN+"cas-a" || got.NetworkOrigin != types.NetworkOriginInternet {
		t.Errorf("GetAccessPoint: %+v", got)
	}
	if got.CreationDate == nil || got.Endpoints["dualstack"] != "s3-accesspoint.dualstack.eu-west-1.amazonaws.com" {
		t.Errorf("created %v, endpoints %v", got.CreationDate, got.Endpoints)
	}
	if b := got.PublicAccessBlockConfiguration; b == nil || !aws.ToBool(b.BlockPublicPolicy) || aws.ToBool(b.IgnorePublicAcls) {
		t.Errorf("block: %+v", b)
	}
	list, err := c.ListAccessPoints(ctx, &sdk.ListAccessPointsInput{AccountId: aws.String(account), Bucket: aws.String("shared"), MaxResults: 10})
	must(err)
	if len(list.AccessPointList) != 1 || aws.ToString(list.AccessPointList[0].Name) != "cas-a" || list.NextToken != nil {
		t.Errorf("ListAccessPoints: %+v", list)
	}

	policy := statement(`"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"` + apARN + `cas-a/object/<&>*"`)
	_, err = c.PutAccessPointPolicy(ctx, &sdk.PutAccessPointPolicyInput{AccountId: aws.String(account), Name: aws.String("cas-a"), Policy: aws.String(policy)})
	must(err)
	back, err := c.GetAccessPointPolicy(ctx, &sdk.GetAccessPointPolicyInput{AccountId: aws.String(account), Name: aws.String("cas-a")})
	must(err)
	if diff := cmp.Diff(decoded(t, policy), decoded(t, aws.ToString(back.Policy))); diff != "" {
		t.Errorf("policy (-sent +got):\n%s", diff)
	}
	status, err := c.GetAccessPointPolicyStatus(ctx, &sdk.GetAccessPointPolicyStatusInput{AccountId: aws.String(account), Name: aws.String("cas-a")})
	must(err)
	if status.PolicyStatus == nil || status.PolicyStatus.IsPublic {
		t.Errorf("status: %+v", status.PolicyStatus)
	}
	_, err = c.DeleteAccessPointPolicy(ctx, &sdk.DeleteAccessPointPolicyInput{AccountId: aws.String(account), Name: aws.String("cas-a")})
	must(err)

	for _, arn := range []string{apARN + "cas-a", "arn:aws:s3:::shared"} {
		_, err = c.TagResource(ctx, &sdk.TagResourceInput{AccountId: aws.String(account), ResourceArn: aws.String(arn), Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}})
		must(err)
		_, err = c.UntagResource(ctx, &sdk.UntagResourceInput{AccountId: aws.String(account), ResourceArn: aws.String(arn), TagKeys: []string{"org", "x"}})
		must(err)
		tags, err := c.ListTagsForResource(ctx, &sdk.ListTagsForResourceInput{AccountId: aws.String(account), ResourceArn: aws.String(arn)})
		must(err)
		if len(tags.Tags) != 1 || aws.ToString(tags.Tags[0].Key) != "k" || aws.ToString(tags.Tags[0].Value) != "v" {
			t.Errorf("tags of %s: %+v", arn, tags.Tags)
		}
	}
	_, err = c.PutPublicAccessBlock(ctx, &sdk.PutPublicAccessBlockInput{AccountId: aws.String(account), PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{BlockPublicAcls: aws.Bool(true)}})
	must(err)
	block, err := c.GetPublicAccessBlock(ctx, &sdk.GetPublicAccessBlockInput{AccountId: aws.String(account)})
	must(err)
	if b := block.PublicAccessBlockConfiguration; b == nil || !aws.ToBool(b.BlockPublicAcls) || aws.ToBool(b.BlockPublicPolicy) {
		t.Errorf("account block: %+v", b)
	}
	_, err = c.DeleteAccessPoint(ctx, &sdk.DeleteAccessPointInput{AccountId: aws.String(account), Name: aws.String("cas-a")})
	must(err)
	_, err = c.GetAccessPoint(ctx, &sdk.GetAccessPointInput{AccountId: aws.String(account), Name: aws.String("cas-a")})
	if e, ok := errors.AsType[smithy.APIError](err); !ok || e.ErrorCode() != "NoSuchAccessPoint" || e.ErrorMessage() == "" {
		t.Errorf("error as the SDK reads it: %v", err)
	}
}
