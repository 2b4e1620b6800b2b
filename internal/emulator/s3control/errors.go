package s3control

import (
	"net/http"

	"github.com/managedcas/managedcas/internal/emulator/api"
)

// Codes and statuses are those of facts AWS §1.3.

func invalidRequest(format string, args ...any) *api.Error {
	return api.Errorf(http.StatusBadRequest, "InvalidRequest", format, args...)
}

func malformedPolicy(format string, args ...any) *api.Error {
	return api.Errorf(http.StatusBadRequest, "MalformedPolicy", format, args...)
}

func invalidTag(format string, args ...any) *api.Error {
	return api.Errorf(http.StatusBadRequest, "InvalidTag", format, args...)
}

func malformedXML(cause error) *api.Error {
	return api.Errorf(http.StatusBadRequest, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema: %v", cause)
}

func accessDenied() *api.Error {
	return api.Errorf(http.StatusForbidden, "AccessDenied", "Access Denied")
}

func noSuchAccessPoint() *api.Error {
	return api.Errorf(http.StatusNotFound, "NoSuchAccessPoint", "The specified accesspoint does not exist")
}

func noSuchPolicy() *api.Error {
	return api.Errorf(http.StatusNotFound, "NoSuchAccessPointPolicy", "The specified accesspoint policy does not exist")
}

func noSuchBucket() *api.Error {
	return api.Errorf(http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist")
}
