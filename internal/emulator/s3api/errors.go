package s3api

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/state"
)

// Codes and statuses are those of
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList.

func invalidArgument(name, value, message string) *api.Error {
	return &api.Error{Status: http.StatusBadRequest, Code: "InvalidArgument", Message: message,
		Extra: [][2]string{{"ArgumentName", name}, {"ArgumentValue", value}}}
}

func invalidRequest(format string, args ...any) *api.Error {
	return api.Errorf(http.StatusBadRequest, "InvalidRequest", format, args...)
}

func malformedXML(cause error) *api.Error {
	return api.Errorf(http.StatusBadRequest, "MalformedXML",
		"The XML you provided was not well-formed or did not validate against our published schema: %v", cause)
}

func malformedPolicy(format string, args ...any) *api.Error {
	return api.Errorf(http.StatusBadRequest, "MalformedPolicy", format, args...)
}

func invalidURI() *api.Error {
	return api.Errorf(http.StatusBadRequest, "InvalidURI", "Couldn't parse the specified URI: the key must be percent-encoded UTF-8.")
}

func invalidBucketName(name string) *api.Error {
	return &api.Error{Status: http.StatusBadRequest, Code: "InvalidBucketName", Message: "The specified bucket is not valid.",
		Extra: [][2]string{{"BucketName", name}}}
}

func keyTooLong(key string) *api.Error {
	return &api.Error{Status: http.StatusBadRequest, Code: "KeyTooLongError", Message: "Your key is too long",
		Extra: [][2]string{{"Size", itoa(int64(len(key)))}, {"MaxSizeAllowed", itoa(maxKey)}}}
}

func accessDenied(message string) *api.Error {
	return &api.Error{Status: http.StatusForbidden, Code: "AccessDenied", Message: message}
}

func noSuchBucket(name string) *api.Error {
	return &api.Error{Status: http.StatusNotFound, Code: "NoSuchBucket", Message: "The specified bucket does not exist",
		Extra: [][2]string{{"BucketName", name}}}
}

func noSuchAccessPoint() *api.Error {
	return api.Errorf(http.StatusNotFound, "NoSuchAccessPoint", "The specified accesspoint does not exist")
}

func noSuchKey(key string) *api.Error {
	return &api.Error{Status: http.StatusNotFound, Code: "NoSuchKey", Message: "The specified key does not exist.",
		Extra: [][2]string{{"Key", key}}}
}

func noSuchUpload(id string) *api.Error {
	return &api.Error{Status: http.StatusNotFound, Code: "NoSuchUpload",
		Message: "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.",
		Extra:   [][2]string{{"UploadId", id}}}
}

func preconditionFailed(condition string) *api.Error {
	return &api.Error{Status: http.StatusPreconditionFailed, Code: "PreconditionFailed",
		Message: "At least one of the pre-conditions you specified did not hold", Extra: [][2]string{{"Condition", condition}}}
}

func methodNotAllowed(method string) *api.Error {
	return &api.Error{Status: http.StatusMethodNotAllowed, Code: "MethodNotAllowed",
		Message: "The specified method is not allowed against this resource.", Extra: [][2]string{{"Method", method}}}
}

// notImplemented refuses a part of an operation by its name (DESIGN I9).
func notImplemented(what string) *api.Error { return api.NotImplemented("s3", what) }

// known turns ErrNotFound of the metadata store into what AWS calls it.
func known(err error, missing *api.Error) error {
	if errors.Is(err, state.ErrNotFound) {
		return missing
	}
	return err
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
