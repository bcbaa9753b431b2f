#include "wire/agent_internal.h"
