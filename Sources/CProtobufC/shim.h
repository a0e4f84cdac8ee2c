#ifndef SUGANG_CPROTOBUFC_SHIM_H
#define SUGANG_CPROTOBUFC_SHIM_H

#include <protobuf-c/protobuf-c.h>

#endif
