--  SPDX-License-Identifier: MIT
--  What oracle-dwarf.py compiles: nested subprograms, generics, tasks, packages in procedures.
with Ada.Command_Line;
with Ada.Text_IO;

procedure Oracle_Sample is
   Count : Integer := Ada.Command_Line.Argument_Count + 3;

   generic
      type Number is range <>;
   function Twice (N : Number) return Number;
   function Twice (N : Number) return Number is (N + N);

   function Double is new Twice (Integer);

   package Shapes is
      type Square is tagged record
         Size : Integer;
      end record;
      function Area (S : Square; Scale : Integer) return Integer;
   end Shapes;

   package body Shapes is
      function Area (S : Square; Scale : Integer) return Integer is
         function Inner (X : Integer) return Integer is
         begin
            return X * Scale + Count;
         end Inner;
      begin
         return Inner (S.Size) + Double (S.Size);
      end Area;
   end Shapes;

   procedure Add (N : Integer) is
      procedure Deeper is
      begin
         Count := Count + N;
      end Deeper;
   begin
      if N > 1 then
         Deeper;
         Add (N - 1);
      end if;
   end Add;

   S : constant Shapes.Square := (Size => Count);
begin
   Add (Count);
   Ada.Text_IO.Put_Line (Integer'Image (S.Area (2) + Count));
end Oracle_Sample;
