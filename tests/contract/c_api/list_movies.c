/* Lists movies for users with TensorFlow's C API alone, from a SavedModel:

     list_movies FOLDER USER_INPUT MOVIE_OUTPUT SCORE_OUTPUT USER...

   An input or output is the name of an operation and the number of its output, such as serving_default_user_id:0.
   Each slot of each list is a line: the user, the movie's id and the score. The exit status is the TF_Code. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensorflow/c/c_api.h"

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

int main(int count, char** arguments) {
  if (count < 5) {
    fprintf(stderr, "usage: %s FOLDER USER_INPUT MOVIE_OUTPUT SCORE_OUTPUT USER...\n", arguments[0]);
    return 2;
  }
  TF_Status* status = TF_NewStatus();
  TF_Graph* graph = TF_NewGraph();
  TF_SessionOptions* options = TF_NewSessionOptions();
  const char* tags[] = {"serve"};
  TF_Session* session =
      TF_LoadSessionFromSavedModel(options, NULL, arguments[1], tags, 1, graph, NULL, status);
  check(status);

  const int64_t users = count - 5;
  TF_Tensor* input = TF_AllocateTensor(TF_STRING, &users, 1, users * sizeof(TF_TString));
  TF_TString* ids = TF_TensorData(input);
  for (int64_t user = 0; user < users; ++user) {
    TF_TString_Init(&ids[user]);
    TF_TString_Copy(&ids[user], arguments[5 + user], strlen(arguments[5 + user]));
  }
  TF_Output fed = output_of(graph, arguments[2]);
  TF_Output fetched[] = {output_of(graph, arguments[3]), output_of(graph, arguments[4])};
  TF_Tensor* found[2];
  TF_SessionRun(session, NULL, &fed, &input, 1, fetched, found, 2, NULL, 0, NULL, status);
  check(status);

  const TF_TString* movies = TF_TensorData(found[0]);
  const float* scores = TF_TensorData(found[1]);
  const int64_t length = TF_Dim(found[0], 1);
  for (int64_t slot = 0; slot < users * length; ++slot) {
    printf("%s\t%.*s\t%.9g\n", arguments[5 + slot / length], (int)TF_TString_GetSize(&movies[slot]),
           TF_TString_GetDataPointer(&movies[slot]), scores[slot]);
  }

  TF_DeleteTensor(input);
  TF_DeleteTensor(found[0]);
  TF_DeleteTensor(found[1]);
  TF_CloseSession(session, status);
  check(status);
  TF_DeleteSession(session, status);
  TF_DeleteSessionOptions(options);
  TF_DeleteGraph(graph);
  TF_DeleteStatus(status);
  return 0;
}
