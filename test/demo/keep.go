package main

import (
	"fmt"
	"path/filepath"
)

// lookAround prints commands to paste into another shell.
func (d *demo) lookAround() {
	r := d.dev.ready
	w := d.out.w
	fmt.Fprintf(w, `
Everything still runs, until Ctrl-C. In another shell, in this directory:

  # As a client:
  export CHAINLOOP_CONTROL_PLANE_API=%s CHAINLOOP_ARTIFACT_CAS_API=%s CHAINLOOP_API_INSECURE=true
  export CHAINLOOP_TOKEN=%s
  %[4]s organization list
  %[4]s --org acme cas-backend list
  %[4]s --org acme artifact download -d %s --output sbom.json

`, r.Controlplane.GRPC, r.CAS.GRPC, r.AdminToken, filepath.Join(d.bin, "managedcas"), d.artifacts[0].Digest)
	fmt.Fprintf(w, `  # As the root user of the embedded account (a proxy, because S3 and S3 Control
  # put names of buckets and accounts before the host name; --endpoint-url, because an aws
  # CLI before 1.29 or 2.13 would go to AWS itself):
  unset NO_PROXY no_proxy
  export AWS_ENDPOINT_URL=%[1]s HTTP_PROXY=%[1]s http_proxy=%[1]s AWS_REGION=%[2]s AWS_DEFAULT_REGION=%[2]s
  export AWS_ACCESS_KEY_ID=%[3]s AWS_SECRET_ACCESS_KEY=%[4]s
  aws --endpoint-url %[1]s s3control list-access-points --account-id %[5]s
  aws --endpoint-url %[1]s s3control get-access-point-policy --account-id %[5]s --name %[6]s
  aws --endpoint-url %[1]s s3api list-objects-v2 --bucket %[7]s
  aws --endpoint-url %[1]s s3api get-object --bucket %[7]s --key %[8]s out   # denied

`, r.AWS.Endpoint, r.AWS.Region, r.AWS.AccessKeyID, r.AWS.SecretAccessKey, r.AWS.AccountID, d.acme.apName, r.Installation.BucketName, d.acme.key(d.artifacts[0]))
	fmt.Fprintf(w, `  # Who was denied what, and by which statement; the server's log:
  curl -s '%s/_aws/journal?code=AccessDenied'
  tail -f %s
`, r.AWS.Endpoint, d.dev.logFile())
}
