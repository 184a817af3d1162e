--  SPDX-License-Identifier: MIT
--  What Ada has: nested subprograms that use the outer's variables, generics, exceptions, tasks
with Ada.Text_IO;
with Ada.Command_Line;
procedure Tour is
   type Numbers is array (Positive range <>) of Integer;

   generic
      type Item is private;
      with function "<" (Left, Right : Item) return Boolean is <>;
   function Larger (Left, Right : Item) return Item;

   function Larger (Left, Right : Item) return Item is
   begin
      if Left < Right then
         return Right;
      end if;
      return Left;
   end Larger;

   function Larger_Integer is new Larger (Integer);

   Steps : Natural := 0;

   function Total (Of_These : Numbers) return Integer is
      Sum : Integer := 0;
      procedure Add (N : Integer) is
         function Weight return Integer is
         begin
            return N * Steps + Sum;
         end Weight;
      begin
         Sum := Sum + Weight;
         Steps := Steps + 1;
      end Add;
   begin
      for N of Of_These loop
         Add (N);
      end loop;
      return Sum;
   end Total;

   function Checked (N : Integer) return Integer is
   begin
      if N > 3 then
         raise Constraint_Error with "too big";
      end if;
      return N * 2;
   exception
      when Constraint_Error =>
         return -1;
   end Checked;

   Values : Numbers (1 .. 20);
begin
   for I in Values'Range loop
      Values (I) := (I * 37) mod 11 + Ada.Command_Line.Argument_Count;
   end loop;
   Ada.Text_IO.Put_Line
     (Integer'Image (Total (Values)) & Integer'Image (Checked (Values (3)))
      & Integer'Image (Larger_Integer (Values (1), Values (2))));
end Tour;
