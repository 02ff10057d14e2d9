// MPI's handles are macros with casts, which Swift cannot import: functions return them.
#include <mpi.h>

static inline MPI_Comm wgangp_comm_world(void) { return MPI_COMM_WORLD; }
static inline MPI_Comm wgangp_comm_self(void) { return MPI_COMM_SELF; }
static inline MPI_Datatype wgangp_double(void) { return MPI_DOUBLE; }
static inline MPI_Datatype wgangp_byte(void) { return MPI_BYTE; }
static inline MPI_Errhandler wgangp_errors_return(void) { return MPI_ERRORS_RETURN; }
static inline int wgangp_shared_memory(void) { return MPI_COMM_TYPE_SHARED; }
static inline MPI_Info wgangp_no_info(void) { return MPI_INFO_NULL; }
static inline MPI_Datatype wgangp_int(void) { return MPI_INT; }
static inline MPI_Datatype wgangp_float(void) { return MPI_FLOAT; }
static inline MPI_Op wgangp_sum(void) { return MPI_SUM; }
static inline void *wgangp_in_place(void) { return MPI_IN_PLACE; }
