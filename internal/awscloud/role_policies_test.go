package awscloud_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/managedcas/managedcas/internal/awscloud"
	"github.com/managedcas/managedcas/internal/cloud"
)

// A role's policies are listed to the end: what is not on the list would count as not there.
func TestRolePoliciesAreListedToTheEnd(t *testing.T) {
	t.Parallel()
	c := at(t, func(w http.ResponseWriter, r *http.Request) {
		next, end := "1", "<IsTruncated>true</IsTruncated><Marker>m</Marker>"
		if r.FormValue("Marker") == "m" {
			next, end = "2", "<IsTruncated>false</IsTruncated>"
		}
		action := r.FormValue("Action")
		list := "<PolicyNames><member>inline-" + next + "</member></PolicyNames>"
		if action == "ListAttachedRolePolicies" {
			list = "<AttachedPolicies><member><PolicyName>p</PolicyName><PolicyArn>arn-" + next + "</PolicyArn></member></AttachedPolicies>"
		}
		fmt.Fprintf(w, "<%[1]sResponse><%[1]sResult>%s%s</%[1]sResult></%[1]sResponse>", action, list, end)
	})
	if names, err := c.RolePolicyNames(t.Context(), "tenant"); err != nil || !slices.Equal(names, []string{"inline-1", "inline-2"}) {
		t.Errorf("inline: %v, %v", names, err)
	}
	if arns, err := c.AttachedPolicies(t.Context(), "tenant"); err != nil || !slices.Equal(arns, []string{"arn-1", "arn-2"}) {
		t.Errorf("attached: %v, %v", arns, err)
	}
}

func TestPermissionsBoundary(t *testing.T) {
	t.Parallel()
	c := at(t, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "<GetRoleResponse><GetRoleResult><Role><RoleName>tenant</RoleName><AssumeRolePolicyDocument>%7B%7D</AssumeRolePolicyDocument>"+
			"<PermissionsBoundary><PermissionsBoundaryType>Policy</PermissionsBoundaryType><PermissionsBoundaryArn>arn:limits</PermissionsBoundaryArn></PermissionsBoundary>"+
			"</Role></GetRoleResult></GetRoleResponse>")
	})
	if role, err := c.Role(t.Context(), "tenant"); err != nil || role.Boundary != "arn:limits" {
		t.Errorf("%+v, %v", role, err)
	}
}

func TestCredentialSource(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		credentials awscloud.Credentials
		long        bool
		want        string
	}{
		"an access key": {awscloud.StaticCredentials("AKIAEXAMPLE", "secret"), true, "StaticCredentials"},
		"nobody there":  {awscloud.ContainerCredentials("http://127.0.0.1:1/", "token"), false, ""},
	} {
		c, err := awscloud.New(t.Context(), awscloud.Config{Region: "eu-west-1", Credentials: row.credentials})
		if err != nil {
			t.Fatal(err)
		}
		source, err := c.CredentialSource(t.Context())
		if (row.want == "") != errors.Is(err, cloud.ErrNoCredentials) || source.Provider != row.want || source.LongLived() != row.long {
			t.Errorf("%s: %+v, %v", name, source, err)
		}
	}
}
