/* Calls a signature of a SavedModel whose inputs are texts, with TensorFlow's C API alone:

     call_model FOLDER OUTPUT,OUTPUT (INPUT ROWS COLUMNS VALUE...)...

   An input or output is the name of an operation and the number of its output, such as serving_default_user_id:0.
   COLUMNS is 0 for an input of one dimension. Each value of each output is a line: the place of the output, and the
   value. Outputs are texts or floats. The exit status is the TF_Code. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensorflow/c/c_api.h"

enum { MOST = 8 };

static void check(const TF_Status* status) {
  if (TF_GetCode(status) != TF_OK) {
    fprintf(stderr, "%s\n", TF_Message(status));
    exit(TF_GetCode(status));
  }
}

static TF_Output output_of(TF_Graph* graph, char* name) {
  char* colon = strrchr(name, ':');
  if (colon == NULL) {
    fprintf(stderr, "%s is not the name of an operation and the number of its output\n", name);
    exit(2);
  }
  *colon = '\0';
  TF_Output found = {TF_GraphOperationByName(graph, name), atoi(colon + 1)};
  if (found.oper == NULL) {
    fprintf(stderr, "the graph does not have %s\n", name);
    exit(2);
  }
  return found;
}

static TF_Tensor* texts(int64_t rows, int64_t columns, char** values) {
  const int64_t shape[] = {rows, columns};
  const int64_t size = columns == 0 ? rows : rows * columns;
  TF_Tensor* tensor = TF_AllocateTensor(TF_STRING, shape, columns == 0 ? 1 : 2, size * sizeof(TF_TString));
  TF_TString* elements = TF_TensorData(tensor);
  for (int64_t place = 0; place < size; ++place) {
    TF_TString_Init(&elements[place]);
    TF_TString_Copy(&elements[place], values[place], strlen(values[place]));
  }
  return tensor;
}

static void print(int place, const TF_Tensor* tensor) {
  for (int64_t element = 0; element < TF_TensorElementCount(tensor); ++element) {
    if (TF_TensorType(tensor) == TF_STRING) {
      const TF_TString* text = (const TF_TString*)TF_TensorData(tensor) + element;
      printf("%d\t%.*s\n", place, (int)TF_TString_GetSize(text), TF_TString_GetDataPointer(text));
    } else {
      printf("%d\t%.9g\n", place, ((const float*)TF_TensorData(tensor))[element]);
    }
  }
}

int main(int count, char** arguments) {
  if (count < 7) {
    fprintf(stderr, "usage: %s FOLDER OUTPUT,OUTPUT (INPUT ROWS COLUMNS VALUE...)...\n", arguments[0]);
    return 2;
  }
  TF_Status* status = TF_NewStatus();
  TF_Graph* graph = TF_NewGraph();
  TF_SessionOptions* options = TF_NewSessionOptions();
  const char* tags[] = {"serve"};
  TF_Session* session =
      TF_LoadSessionFromSavedModel(options, NULL, arguments[1], tags, 1, graph, NULL, status);
  check(status);

  TF_Output fetched[MOST], fed[MOST];
  TF_Tensor *found[MOST], *given[MOST];
  int outputs = 0, inputs = 0;
  for (char* name = strtok(arguments[2], ","); name != NULL && outputs < MOST; name = strtok(NULL, ",")) {
    fetched[outputs++] = output_of(graph, name);
  }
  for (int at = 3; at + 3 < count && inputs < MOST; ++inputs) {
    const int64_t rows = atoll(arguments[at + 1]), columns = atoll(arguments[at + 2]);
    const int64_t size = columns == 0 ? rows : rows * columns;
    if (size > count - at - 3) {
      fprintf(stderr, "%s has fewer values than its shape\n", arguments[at]);
      return 2;
    }
    fed[inputs] = output_of(graph, arguments[at]);
    given[inputs] = texts(rows, columns, arguments + at + 3);
    at += 3 + (int)size;
  }
  TF_SessionRun(session, NULL, fed, given, inputs, fetched, found, outputs, NULL, 0, NULL, status);
  check(status);

  for (int place = 0; place < inputs; ++place) TF_DeleteTensor(given[place]);
  for (int place = 0; place < outputs; ++place) {
    print(place, found[place]);
    TF_DeleteTensor(found[place]);
  }
  TF_CloseSession(session, status);
  check(status);
  TF_DeleteSession(session, status);
  TF_DeleteSessionOptions(options);
  TF_DeleteGraph(graph);
  TF_DeleteStatus(status);
  return 0;
}
